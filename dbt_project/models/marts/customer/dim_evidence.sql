{%- set texts = var("value_labels") -%}
with

-- a row without a name keeps the list of values whole where nothing is known yet, as when dbt parses
named as (
    select listed.*
    from (
        values
        {%- for name, column in evidence_columns().items() %}
        (
            '{{ name }}',
            {{ sql_text(column["label"]) }},
            {{ sql_text(column["unit"]) }},
            {{ sql_text(tojson(texts[name]) if name in texts else none) }}
        ),
        {%- endfor %}
        (null, null, null, null)
    ) as listed (column_name, column_label, unit, value_texts)
    where listed.column_name is not null
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    cast(column_name as varchar) as column_name,
    cast(column_label as varchar) as column_label,
    cast(unit as varchar) as unit,
    cast(value_texts as varchar) as value_texts
from named
