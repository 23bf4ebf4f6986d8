{#- Rows of int_list__outcome as the last build left them, served and with a window that is over: what the response
    model learns from. Read from the relation and not by ref, since outcomes are of rows that scores rank. -#}
{% macro list_outcomes_before() -%}
    {%- set outcomes = adapter.get_relation(target.database, 'intermediate', 'int_list__outcome') -%}
    (
        {%- if outcomes %}
        select
            legal_entity_code,
            list_code,
            batch_id,
            customer_id,
            outcome,
            -- a list of this warehouse is sent on the evening of its date, and its window begins the day after
            if(origin = 'warehouse', window_start_date - 1, window_start_date) as listed_date,
            window_end_date + 1 as known_date,
            is_reached as is_success
        from {{ outcomes }}
        where not is_control and window_end_date < {{ business_date() }}
        {%- else %}
        select
            cast(null as varchar) as legal_entity_code,
            cast(null as varchar) as list_code,
            cast(null as varchar) as batch_id,
            cast(null as varchar) as customer_id,
            cast(null as varchar) as outcome,
            cast(null as date) as listed_date,
            cast(null as date) as known_date,
            cast(null as boolean) as is_success
        where false
        {%- endif %}
    )
{%- endmacro %}
