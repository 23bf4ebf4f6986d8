{#- A text of a definition file as an SQL literal. -#}
{% macro sql_text(value) -%}
    {%- if value is none or value is undefined -%}
        cast(null as varchar)
    {%- else -%}
        '{{ value | string | trim | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
