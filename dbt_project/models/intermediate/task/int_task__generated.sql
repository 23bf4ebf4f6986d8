{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ delete_tasks_from_business_date() }}",
) }}
{%- set plan = rule('visit_plan').parameters -%}
with

candidates as (
    select * from {{ ref('int_task__candidate') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

responsible as (
    select * from {{ ref('int_employee__responsible') }}
),

calendar as (
    select * from {{ ref('int_calendar__day') }}
),

assigned as (
    select
        candidates.*,
        md5(concat_ws(
            '|', candidates.legal_entity_code, candidates.customer_id, candidates.rule_code, candidates.rule_row,
            candidates.period_start
        )) as task_id,
        strftime(candidates.work_date, '%G-W%V') as iso_week,
        coalesce(features.manager_id, features.grid_manager_id) as manager_id,
        coalesce(responsible.branch_code, features.branch_code) as branch_code,
        case candidates.responsible_role
            when 'branch_head' then responsible.branch_head_id
            when 'team_head' then responsible.team_head_id
            else responsible.acting_manager_id
        end as assignee_id
    from candidates
    inner join features
        on
            candidates.legal_entity_code = features.legal_entity_code
            and candidates.customer_id = features.customer_id
    left join responsible
        on
            candidates.legal_entity_code = responsible.legal_entity_code
            and coalesce(features.manager_id, features.grid_manager_id) = responsible.manager_id
),

known as (
    {%- if is_incremental() %}
    select
        legal_entity_code,
        task_id,
        assignee_id,
        method,
        iso_week
    from {{ this }}
    {%- else %}
    select
        legal_entity_code,
        task_id,
        assignee_id,
        method,
        cast(null as varchar) as iso_week
    from assigned
    where false
    {%- endif %}
),

new_tasks as (
    select assigned.*
    from assigned
    anti join known
        on
            assigned.legal_entity_code = known.legal_entity_code
            and assigned.task_id = known.task_id
),

work_weeks as (
    select distinct iso_week from assigned
),

given as (
    select
        known.legal_entity_code,
        known.assignee_id,
        known.method
    from known
    inner join work_weeks on known.iso_week = work_weeks.iso_week
    union all
    select
        legal_entity_code,
        assignee_id,
        method
    from new_tasks
    where not is_planned
),

-- what of the week is given away already, earlier in it or to what cannot wait
taken as (
    select
        legal_entity_code,
        assignee_id,
        method,
        count(*) as places
    from given
    group by legal_entity_code, assignee_id, method
),

-- whose turn was earlier goes first, so that nobody waits for ever
ranked as (
    select
        new_tasks.*,
        coalesce(taken.places, 0) as places_taken,
        row_number() over (
            partition by
                new_tasks.legal_entity_code, new_tasks.assignee_id, new_tasks.method, new_tasks.is_planned
            order by new_tasks.priority, new_tasks.turn, new_tasks.order_key, new_tasks.task_id
        ) as place
    from new_tasks
    left join taken
        on
            new_tasks.legal_entity_code = taken.legal_entity_code
            and new_tasks.assignee_id = taken.assignee_id
            and new_tasks.method = taken.method
),

fitting as (
    select * from ranked
    where
        not is_planned
        or places_taken + place
        <= if(method = 'phone', {{ plan.weekly_calls | default(0) }}, {{ plan.weekly_visits | default(0) }})
)

select
    fitting.legal_entity_code,
    fitting.task_id,
    {{ business_date() }} as created_date,
    fitting.iso_week,
    fitting.rule_code,
    fitting.rule_row,
    fitting.customer_id,
    fitting.manager_id,
    fitting.branch_code,
    fitting.assignee_id,
    fitting.responsible_role,
    fitting.method,
    fitting.is_planned,
    fitting.priority,
    fitting.reason,
    -- planned work is due with its week or its period, what cannot wait within its days, never on a day off
    if(
        fitting.is_planned,
        least(
            cast(date_trunc('week', fitting.work_date) as date) + 6,
            {{ period_end('fitting.period', 'fitting.period_start') }} - 1
        ),
        if(calendar.is_day_off, calendar.next_working_date, calendar.calendar_date)
    ) as due_date
from fitting
left join calendar
    on
        fitting.legal_entity_code = calendar.legal_entity_code
        and {{ business_date() }} + coalesce(fitting.due_days, 1) = calendar.calendar_date
