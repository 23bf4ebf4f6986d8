with

targets as (
    select * from {{ ref('int_target__progress') }}
    where period_type = 'year' and unit = 'amount' and forecast_method = 'drift'
),

drifts as (
    select * from {{ ref('int_kpi__drift') }}
),

levels as (
    select * from {{ ref('int_kpi__stock_day') }}
),

flow_days as (
    select * from {{ ref('int_kpi__flow_day') }}
),

organisations as (
    select * from {{ ref('int_metric__dimension') }}
),

weeks as (
    select cast(weeks.week_number as integer) * 7 as days_ahead
    from range(-13, 53) as weeks (week_number)
),

-- every seventh day before and after the business date, and the last day of the year
points as (
    select
        targets.*,
        weeks.days_ahead,
        {{ business_date() }} + weeks.days_ahead as path_day
    from targets
    inner join weeks
        on
            {{ business_date() }} + weeks.days_ahead >= targets.period_start
            and {{ business_date() }} + weeks.days_ahead < targets.period_last_day
    union all
    select
        targets.*,
        cast(targets.period_last_day - {{ business_date() }} as integer) as days_ahead,
        targets.period_last_day as path_day
    from targets
),

flows_after as (
    select
        points.legal_entity_code,
        points.organisation_level,
        points.organisation_code,
        points.measure_code,
        points.path_day,
        sum(flow_days.value) as flow_after
    from points
    inner join flow_days
        on
            points.legal_entity_code = flow_days.legal_entity_code
            and points.organisation_level = flow_days.dimension
            and points.organisation_code = flow_days.dimension_value
            and points.measure_code = flow_days.measure_code
            and points.path_day < flow_days.flow_day
    where points.days_ahead <= 0
    group by
        points.legal_entity_code,
        points.organisation_level,
        points.organisation_code,
        points.measure_code,
        points.path_day
),

valued as (
    select
        points.*,
        points.start_value
        + (points.target_value - points.start_value)
        * (points.path_day - points.period_start + 1)
        / (points.period_last_day - points.period_start + 1) as pace_on_day,
        case
            when points.days_ahead > 0 then null
            when points.measure_kind = 'flow' then points.actual - coalesce(flows_after.flow_after, 0)
            else levels.value
        end as actual_on_day,
        case
            when points.days_ahead >= 0
                then {{ drift_forecast('points.actual', 'drifts.mean_change', 'points.days_ahead') }}
        end as forecast_on_day,
        case
            when points.days_ahead >= 0
                then {{ drift_margin('drifts.deviation', 'drifts.history_days', 'points.days_ahead', '1.96') }}
        end as margin_on_day,
        if(points.measure_kind = 'flow', points.actual, 0) as least_value
    from points
    inner join drifts
        on
            points.legal_entity_code = drifts.legal_entity_code
            and points.organisation_level = drifts.dimension
            and points.organisation_code = drifts.dimension_value
            and points.measure_code = drifts.measure_code
    left join levels
        on
            points.legal_entity_code = levels.legal_entity_code
            and points.organisation_level = levels.dimension
            and points.organisation_code = levels.dimension_value
            and points.measure_code = levels.measure_code
            and points.path_day = levels.business_date
    left join flows_after
        on
            points.legal_entity_code = flows_after.legal_entity_code
            and points.organisation_level = flows_after.organisation_level
            and points.organisation_code = flows_after.organisation_code
            and points.measure_code = flows_after.measure_code
            and points.path_day = flows_after.path_day
),

series as (
    {%- for name, value in [
        ('实际', 'actual_on_day'),
        ('目标进度', 'pace_on_day'),
        ('预测', 'greatest(forecast_on_day, least_value)'),
        ('预测下限', 'greatest(forecast_on_day - margin_on_day, least_value)'),
        ('预测上限', 'greatest(forecast_on_day + margin_on_day, least_value)'),
    ] %}
    select
        legal_entity_code,
        organisation_level,
        organisation_code,
        measure_code,
        measure_name,
        path_day,
        days_ahead,
        {{ sql_text(name) }} as series_name,
        {{ value }} as value
    from valued
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    {{ business_date() }} as business_date,
    series.legal_entity_code,
    series.organisation_level,
    series.organisation_code,
    coalesce(organisations.dimension_name, series.organisation_code) as organisation_name,
    organisations.branch_code,
    case when series.organisation_level = 'manager' then series.organisation_code end as manager_id,
    series.measure_code,
    series.measure_name,
    series.path_day,
    series.series_name,
    series.value as path_level
from series
left join organisations
    on
        series.legal_entity_code = organisations.legal_entity_code
        and series.organisation_level = organisations.dimension
        and series.organisation_code = organisations.dimension_value
where
    series.value is not null
    and (series.days_ahead >= 0 or series.series_name in ('实际', '目标进度'))
