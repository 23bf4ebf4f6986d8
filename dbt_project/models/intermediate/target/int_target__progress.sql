with

targets as (
    select * from {{ ref('int_target__tree') }}
),

measures as (
    select * from {{ ref('int_target__measure') }}
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension in ('bank', 'branch', 'manager')
),

levels as (
    select * from {{ ref('int_kpi__stock_day') }}
),

flow_days as (
    select * from {{ ref('int_kpi__flow_day') }}
    where flow_day = {{ business_date() }}
),

drifts as (
    select * from {{ ref('int_kpi__drift') }}
),

measured as (
    select
        targets.*,
        measures.measure_name,
        measures.unit,
        case
            when targets.measure_kind = 'ratio' then metric_values.value
            when targets.period_type = 'day' and targets.measure_kind = 'flow' then coalesce(flow_days.value, 0)
            else coalesce(metric_values.value, 0)
        end as actual,
        -- a stock runs from where the last period ended: its level then, else its target then
        case
            when targets.measure_kind = 'flow' then 0
            else coalesce(levels.value, targets.previous_target_value, targets.target_value)
        end as start_value,
        targets.period_end - 1 - {{ business_date() }} as days_ahead,
        drifts.history_days,
        drifts.mean_change,
        drifts.deviation,
        case
            when targets.measure_kind = 'ratio' then 'ratio'
            when coalesce(drifts.history_days, 0) < {{ var('forecast_days_least') }} then 'short'
            else 'drift'
        end as forecast_method
    from targets
    inner join measures on targets.measure_code = measures.measure_code
    left join metric_values
        on
            targets.legal_entity_code = metric_values.legal_entity_code
            and targets.organisation_level = metric_values.dimension
            and targets.organisation_code = metric_values.dimension_value
            and targets.measure_code || if(targets.measure_kind = 'flow', '_' || targets.period_type, '')
            = metric_values.metric_code
    left join levels
        on
            targets.legal_entity_code = levels.legal_entity_code
            and targets.organisation_level = levels.dimension
            and targets.organisation_code = levels.dimension_value
            and targets.measure_code = levels.measure_code
            and targets.period_start - 1 = levels.business_date
    left join flow_days
        on
            targets.legal_entity_code = flow_days.legal_entity_code
            and targets.organisation_level = flow_days.dimension
            and targets.organisation_code = flow_days.dimension_value
            and targets.measure_code = flow_days.measure_code
    left join drifts
        on
            targets.legal_entity_code = drifts.legal_entity_code
            and targets.organisation_level = drifts.dimension
            and targets.organisation_code = drifts.dimension_value
            and targets.measure_code = drifts.measure_code
),

forecast as (
    select
        *,
        start_value + (target_value - start_value) * pace_share as pace_value,
        {{ drift_forecast('actual', 'mean_change', 'days_ahead') }} as expected_value,
        {{ drift_margin('deviation', 'history_days', 'days_ahead', '1.2816') }} as margin_80,
        {{ drift_margin('deviation', 'history_days', 'days_ahead', '1.96') }} as margin_95
    from measured
),

-- What has been done in a period is not undone, and no stock is less than nothing.
bounded as (
    select
        {%- for name, value in [
            ('value', 'expected_value'),
            ('low_80', 'expected_value - margin_80'),
            ('high_80', 'expected_value + margin_80'),
            ('low_95', 'expected_value - margin_95'),
            ('high_95', 'expected_value + margin_95'),
        ] %}
        case
            when forecast_method = 'drift' then greatest({{ value }}, if(measure_kind = 'flow', actual, 0))
        end as forecast_{{ name }},
        {%- endfor %}
        *
    from forecast
)

select
    legal_entity_code,
    organisation_level,
    organisation_code,
    measure_code,
    measure_name,
    unit,
    measure_kind,
    period_type,
    period_start,
    period_end - 1 as period_last_day,
    is_stated,
    target_basis,
    target_value,
    actual,
    actual / nullif(target_value, 0) as completion,
    start_value,
    pace_share,
    pace_value,
    round(actual - pace_value, 6) as gap_to_pace,
    history_days,
    forecast_method,
    forecast_value,
    forecast_low_80,
    forecast_high_80,
    forecast_low_95,
    forecast_high_95,
    forecast_value / nullif(target_value, 0) as forecast_completion,
    case
        when target_value = 0 then 'none'
        when actual >= target_value then 'reached'
        when actual >= pace_value * (1 + {{ var('pace_tolerance') }}) then 'ahead'
        when actual >= pace_value * (1 - {{ var('pace_tolerance') }}) then 'on_pace'
        when actual is not null then 'behind'
    end as pace_status
from bounded
