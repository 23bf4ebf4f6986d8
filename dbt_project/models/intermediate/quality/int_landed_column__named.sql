{#- Chinese names of columns stand in the staging YAML, which is written from the contracts. -#}
{%- set named = landed_column_names() -%}

with

names (source, table_name, column_name, column_label) as (
    values
    {%- for source, table, column, label in named %}
    ({{ sql_text(source) }}, {{ sql_text(table) }}, {{ sql_text(column) }}, {{ sql_text(label) }}),
    {%- endfor %}
    (null, null, null, null)
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    source,
    table_name,
    column_name,
    column_label
from names
where source is not null
