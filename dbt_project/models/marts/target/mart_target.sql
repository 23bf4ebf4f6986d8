{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

progress as (
    select * from {{ ref('int_target__progress') }}
),

organisations as (
    select * from {{ ref('int_metric__dimension') }}
)

select
    {{ business_date() }} as business_date,
    progress.legal_entity_code,
    progress.organisation_level,
    progress.organisation_code,
    coalesce(organisations.dimension_name, progress.organisation_code) as organisation_name,
    organisations.branch_code,
    case when progress.organisation_level = 'manager' then progress.organisation_code end as manager_id,
    progress.measure_code,
    progress.measure_name,
    progress.unit,
    progress.period_type,
    progress.period_start,
    progress.period_last_day,
    progress.is_stated,
    progress.target_basis,
    progress.target_value as target_figure,
    progress.actual,
    progress.completion,
    progress.pace_share,
    progress.pace_value as pace_due,
    progress.gap_to_pace,
    progress.history_days,
    progress.forecast_method,
    progress.forecast_value as forecast,
    progress.forecast_low_80,
    progress.forecast_high_80,
    progress.forecast_low_95,
    progress.forecast_high_95,
    progress.forecast_completion,
    {%- for bound in ('low', 'high') %}
    progress.forecast_{{ bound }}_95 / nullif(progress.target_value, 0) as forecast_{{ bound }}_completion,
    {%- endfor %}
    progress.pace_status
from progress
left join organisations
    on
        progress.legal_entity_code = organisations.legal_entity_code
        and progress.organisation_level = organisations.dimension
        and progress.organisation_code = organisations.dimension_value
