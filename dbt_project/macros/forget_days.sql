{#- Pre-hook of a history of days: days older than so many days are dropped, but for the last of each month. -#}
{% macro forget_days(days) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where
            business_date < {{ business_date() }} - {{ days }}
            and business_date <> last_day(business_date)
    {%- endif -%}
{%- endmacro %}
