with

outcomes as (
    select * from {{ ref('int_list__outcome') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

-- Before the first night nobody looked; outcomes are dated, so what a look each week would have shown is worked out
-- once.
looks as (
    select {{ business_date() }} as look_date
    {%- if not adapter.get_relation(target.database, 'marts', 'mart_list_lift') %}
    union
    select cast({{ business_date() }} - interval (7 * weeks_past.week_number) day as date) as look_date
    from range(1, {{ var('list_lift_weeks_worked_back') }} + 1) as weeks_past (week_number)
    {%- endif %}
),

costs (channel, cost_per_contact) as (
    values
    {%- for channel, policy in var('contact_policy').channels.items() %}
    ({{ sql_text(channel) }}, {{ policy.cost_per_contact }}),
    {%- endfor %}
    (null, 0.0)
),

seen as (
    select
        outcomes.legal_entity_code,
        looks.look_date,
        outcomes.origin,
        outcomes.list_code,
        outcomes.batch_id,
        outcomes.outcome,
        outcomes.window_days,
        outcomes.is_control,
        coalesce(outcomes.cluster_code, 'customers') as cluster_code,
        outcomes.response_probability,
        outcomes.window_end_date > looks.look_date as is_open,
        coalesce(outcomes.outcome_date <= looks.look_date, false) as is_reached,
        -- An amount grows with its outcome; before it there is none.
        if(
            outcomes.outcome_date <= looks.look_date or looks.look_date = {{ business_date() }},
            cast(outcomes.outcome_amount as double), 0
        ) as amount,
        if(outcomes.is_control, 0, coalesce(costs.cost_per_contact, 0)) as contact_cost
    from outcomes
    inner join looks on outcomes.window_start_date <= looks.look_date
    left join costs on outcomes.channel = costs.channel
),

-- Each row counts for the whole list, which is followed over time, and for its batch as it stands.
counted as (
    select
        * exclude (batch_id),
        unnest(if(look_date = {{ business_date() }}, ['all', batch_id], ['all'])) as batch_id
    from seen
)

select
    counted.legal_entity_code,
    counted.look_date,
    counted.origin,
    counted.list_code,
    counted.batch_id,
    counted.outcome,
    counted.window_days,
    counted.is_control,
    counted.cluster_code,
    any_value(definitions.expected_lift) as expected_lift,
    sum(counted.response_probability) as expected_reached,
    bool_or(counted.is_open) as is_open,
    count(*) as enrolled_rows,
    count(*) filter (where counted.is_reached) as reached_rows,
    sum(counted.amount) as amount,
    sum(counted.amount * counted.amount) as amount_squares,
    sum(counted.contact_cost) as contact_cost
from counted
left join definitions
    on
        counted.legal_entity_code = definitions.legal_entity_code
        and counted.list_code = definitions.list_code
group by
    counted.legal_entity_code, counted.look_date, counted.origin, counted.list_code, counted.batch_id, counted.outcome,
    counted.window_days, counted.is_control, counted.cluster_code
