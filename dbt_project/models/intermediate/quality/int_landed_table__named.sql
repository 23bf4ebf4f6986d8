{#- Chinese names of sources and tables stand in the staging YAML, which is written from the contracts. -#}
{%- set named = landed_table_names() -%}

with

names (source, table_name, source_name, table_label) as (
    values
    {%- for source, table, source_label, table_label in named %}
    (
        {{ sql_text(source) }},
        {{ sql_text(table) }},
        {{ sql_text(source_label) }},
        {{ sql_text(table_label) }}
    ),
    {%- endfor %}
    (null, null, null, null)
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    source,
    table_name,
    source_name,
    table_label,
    source_name || ' ' || table_label as table_title
from names
where source is not null
