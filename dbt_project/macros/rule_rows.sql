{#- The table of definitions/rules/<code>.yml; without rows where the project is only parsed. -#}
{% macro rule(code) -%}
    {{ return((var("rules") | selectattr("code", "equalto", code) | list + [{"rows": [], "parameters": {}}]) | first) }}
{%- endmacro %}

{#- Which rows of a rule table apply to which rows of its subject: the named columns of the subject, the row's code,
    its place in the table, what it requires (a number) and whether that is met (null: it asks for no measure, or the
    measure is unknown). -#}
{% macro rule_matches(code, relation, columns) -%}
    {%- for row in rule(code).rows if row.when %}
    select
        {{ columns | join(",\n        ") }},
        {{ sql_text(row.code) }} as rule_row,
        {{ loop.index }} as rule_order,
        cast({{ row.required | default("null") }} as double) as required,
        cast({{ row.met | default("null") }} as boolean) as is_met
    from {{ relation }}
    where {{ row.when }}
    union all
    {%- endfor %}
    select
        {{ columns | join(",\n        ") }},
        cast(null as varchar) as rule_row,
        cast(null as integer) as rule_order,
        cast(null as double) as required,
        cast(null as boolean) as is_met
    from {{ relation }}
    where false
{%- endmacro %}
