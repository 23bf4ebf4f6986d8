{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

measures as (
    select * from {{ ref('int_target__measure') }}
),

organisations as (
    select * from {{ ref('int_metric__dimension') }}
    where dimension in ('bank', 'branch', 'manager')
),

levels as (
    select * from {{ ref('int_kpi__stock_day') }}
    where {{ within_days('business_date', 15) }}
),

flow_days as (
    select * from {{ ref('int_kpi__flow_day') }}
    where {{ within_days('flow_day', 14) }}
),

progress as (
    select * from {{ ref('int_target__progress') }}
),

level_changes as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        measure_code,
        business_date as changed_day,
        value - lag(value) over (
            partition by legal_entity_code, dimension, dimension_value, measure_code order by business_date
        ) as moved_by
    from levels
),

changes as (
    select * from level_changes
    where moved_by is not null
    union all
    select
        legal_entity_code,
        dimension,
        dimension_value,
        measure_code,
        flow_day as changed_day,
        value as moved_by
    from flow_days
),

-- Values are doubles, whose differences leave a rest far behind the point.
summed as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        measure_code,
        round(sum(moved_by) filter (where changed_day = {{ business_date() }}), 6) as day_change,
        round(sum(moved_by) filter (where changed_day = {{ business_date() }} - 1), 6) as previous_day_change,
        round(sum(moved_by) filter (where {{ within_days('changed_day', 7) }}), 6) as week_change,
        round(sum(moved_by) filter (where changed_day <= {{ business_date() }} - 7), 6) as previous_week_change
    from changes
    group by legal_entity_code, dimension, dimension_value, measure_code
),

planned as (
    select
        legal_entity_code,
        organisation_level,
        organisation_code,
        measure_code,
        max(target_value) filter (where period_type = 'day' and measure_kind = 'flow') as day_plan,
        max(actual) filter (where period_type = 'month') as month_actual,
        max(target_value) filter (where period_type = 'month') as month_target,
        max(completion) filter (where period_type = 'month') as month_completion,
        max(pace_share) filter (where period_type = 'month') as pace_share
    from progress
    group by legal_entity_code, organisation_level, organisation_code, measure_code
)

select
    {{ business_date() }} as business_date,
    organisations.legal_entity_code,
    organisations.dimension as organisation_level,
    organisations.dimension_value as organisation_code,
    organisations.dimension_name as organisation_name,
    organisations.branch_code,
    organisations.manager_id,
    measures.measure_code,
    measures.measure_name,
    measures.unit,
    measures.measure_kind,
    coalesce(summed.day_change, 0) as day_change,
    coalesce(summed.previous_day_change, 0) as previous_day_change,
    coalesce(summed.week_change, 0) as week_change,
    coalesce(summed.previous_week_change, 0) as previous_week_change,
    planned.day_plan,
    planned.month_actual,
    planned.month_target,
    planned.month_completion,
    planned.pace_share
from organisations
inner join planned
    on
        organisations.legal_entity_code = planned.legal_entity_code
        and organisations.dimension = planned.organisation_level
        and organisations.dimension_value = planned.organisation_code
inner join measures
    on
        planned.measure_code = measures.measure_code
        and measures.measure_kind <> 'ratio'
left join summed
    on
        organisations.legal_entity_code = summed.legal_entity_code
        and organisations.dimension = summed.dimension
        and organisations.dimension_value = summed.dimension_value
        and planned.measure_code = summed.measure_code
