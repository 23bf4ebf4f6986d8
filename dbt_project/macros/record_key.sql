{#- How identity names a record of a table whose key has several columns; `relation` qualifies the columns. -#}
{% macro roster_record_key(relation="") -%}
    {%- set of = relation ~ "." if relation else "" -%}
    {{ of }}village_code || '|' || {{ of }}household_no || '|' || {{ of }}member_no
{%- endmacro %}

{% macro whitelist_record_key(relation="") -%}
    {%- set of = relation ~ "." if relation else "" -%}
    {{ of }}whitelist_batch || '|' || {{ of }}id_number_key
{%- endmacro %}
