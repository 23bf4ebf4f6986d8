{#- Rows of int_list__outcome, served and with a window that is over: what the response model learns from. -#}
{% macro list_outcomes_before() -%}
    (
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
        from {{ ref('int_list__outcome') }}
        where not is_control and window_end_date < {{ business_date() }}
    )
{%- endmacro %}
