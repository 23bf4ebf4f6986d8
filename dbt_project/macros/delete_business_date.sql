{#- Pre-hook of a mart with one slice per business date, in the same transaction as its insert: the slice is replaced
    even when the new one has no rows. -#}
{% macro delete_business_date() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where business_date = {{ business_date() }}
    {%- endif -%}
{%- endmacro %}
