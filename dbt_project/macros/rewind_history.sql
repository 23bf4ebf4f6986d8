{#- Pre-hook of a history table with valid_from and valid_to (exclusive, null = open): puts it back to how it stood
    before the business date, in the same transaction as the rebuild. -#}
{% macro rewind_history() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where valid_from >= {{ business_date() }};
        update {{ this }} set valid_to = null where valid_to >= {{ business_date() }}
    {%- endif -%}
{%- endmacro %}
