{#- An instant of the ledger as the bank's clocks show it: what people read. -#}
{% macro bank_time(instant) -%}
    timezone('{{ var("timezone") }}', cast({{ instant }} as timestamptz))
{%- endmacro %}
