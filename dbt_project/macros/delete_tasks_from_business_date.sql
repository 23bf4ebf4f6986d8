{#- Pre-hook of the tasks: what was generated on the business date or later is generated again. -#}
{% macro delete_tasks_from_business_date() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where created_date >= {{ business_date() }}
    {%- endif -%}
{%- endmacro %}
