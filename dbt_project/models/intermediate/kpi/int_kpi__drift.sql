with

organisations as (
    select * from {{ ref('int_metric__dimension') }}
    where dimension in ('bank', 'branch', 'manager')
),

employees as (
    select * from {{ ref('stg_core__employee') }}
),

levels as (
    select * from {{ ref('int_kpi__stock_day') }}
    where {{ within_days('business_date', var('kpi_days_kept')) }}
),

flow_days as (
    select * from {{ ref('int_kpi__flow_day') }}
),

level_changes as (
    select
        *,
        value - lag(value) over organisation_history as moved_by,
        business_date - lag(business_date) over organisation_history as days_between
    from levels
    window organisation_history as (
        partition by legal_entity_code, dimension, dimension_value, measure_code order by business_date
    )
),

stock_sums as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        measure_code,
        sum(moved_by) as total,
        -- a change over several days tells of the variance of one
        sum(moved_by * moved_by / days_between) as squares,
        sum(days_between) as history_days,
        count(moved_by) as changes
    from level_changes
    group by legal_entity_code, dimension, dimension_value, measure_code
),

flow_starts as (
    select
        legal_entity_code,
        measure_code,
        min(flow_day) as first_day
    from flow_days
    group by legal_entity_code, measure_code
),

flow_sums as (
    select
        organisations.legal_entity_code,
        organisations.dimension,
        organisations.dimension_value,
        flow_starts.measure_code,
        coalesce(sum(flow_days.value), 0) as total,
        coalesce(sum(flow_days.value * flow_days.value), 0) as squares,
        -- nobody acts before being hired
        greatest(
            {{ business_date() }} - greatest(flow_starts.first_day, any_value(employees.hire_date)) + 1, 0
        ) as history_days
    from organisations
    inner join flow_starts on organisations.legal_entity_code = flow_starts.legal_entity_code
    left join employees
        on
            organisations.legal_entity_code = employees.legal_entity_code
            and organisations.dimension = 'manager'
            and organisations.dimension_value = employees.employee_id
    left join flow_days
        on
            organisations.legal_entity_code = flow_days.legal_entity_code
            and organisations.dimension = flow_days.dimension
            and organisations.dimension_value = flow_days.dimension_value
            and flow_starts.measure_code = flow_days.measure_code
    group by
        organisations.legal_entity_code,
        organisations.dimension,
        organisations.dimension_value,
        flow_starts.measure_code,
        flow_starts.first_day
),

sums as (
    select * from stock_sums
    union all
    select
        *,
        history_days as changes
    from flow_sums
)

select
    legal_entity_code,
    dimension,
    dimension_value,
    measure_code,
    cast(history_days as bigint) as history_days,
    {{ drift_mean('total', 'history_days') }} as mean_change,
    {{ drift_deviation('total', 'squares', 'history_days', 'changes') }} as deviation
from sums
