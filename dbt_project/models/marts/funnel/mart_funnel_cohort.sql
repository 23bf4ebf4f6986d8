with

progress as (
    select * from {{ ref('int_funnel__progress') }}
),

stages as (
    select * from {{ ref('int_funnel__stage') }}
),

members as (
    select * from {{ ref('int_funnel__dimension') }}
),

periods (period, period_length) as (
    values
    ('month', interval 1 month),
    ('week', interval 1 week)
),

horizons (horizon_days, horizon_name) as (
    values
    (30, '30天内'),
    (60, '60天内'),
    (90, '90天内'),
    (null, '至今')
),

cut as (
    {{ by_dimension('progress', funnel_dimensions()) }}
),

-- Weeks of a grid or a segment hold a handful of customers: weekly cohorts are kept for the organisation alone.
placed as (
    select
        cut.*,
        periods.period,
        cast(date_trunc(periods.period, cut.from_date) as date) as cohort_start,
        cast(date_trunc(periods.period, cut.from_date) + periods.period_length as date) - 1 as cohort_end
    from cut
    cross join periods
    where
        periods.period = 'month'
        or (
            cut.dimension in ('bank', 'branch', 'manager')
            and cut.from_date >= date_trunc('week', {{ business_date() }}) - interval {{ var('cohort_weeks') - 1 }} week
        )
),

counted as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        period,
        cohort_start,
        cohort_end,
        from_stage_code,
        to_stage_code,
        count(*) filter (where not is_earlier) as customers,
        count(*) filter (where is_earlier) as earlier_customers,
        count(*) filter (where days_taken <= 30) as converted_30,
        count(*) filter (where days_taken <= 60) as converted_60,
        count(*) filter (where days_taken <= 90) as converted_90,
        count(*) filter (where days_taken is not null) as converted_to_date
    from placed
    group by all
),

-- A horizon is shown once the last customer of the cohort has lived through it; what came so far is always shown.
observed as (
    select
        counted.*,
        horizons.horizon_days,
        horizons.horizon_name,
        case horizons.horizon_days
            when 30 then counted.converted_30
            when 60 then counted.converted_60
            when 90 then counted.converted_90
            else counted.converted_to_date
        end as converted
    from counted
    cross join horizons
    where horizons.horizon_days is null or counted.cohort_end + horizons.horizon_days <= {{ business_date() }}
)

select
    {{ business_date() }} as business_date,
    observed.legal_entity_code,
    observed.dimension,
    observed.dimension_value,
    coalesce(members.dimension_name, nullif(observed.dimension_value, ''), '未划分') as dimension_name,
    members.branch_code,
    members.manager_id,
    observed.period,
    observed.cohort_start,
    case observed.period
        when 'month' then strftime(observed.cohort_start, '%Y-%m')
        else strftime(observed.cohort_start, '%G-W%V')
    end as cohort_name,
    observed.from_stage_code,
    from_stages.stage_name as from_stage_name,
    observed.to_stage_code,
    to_stages.stage_name as to_stage_name,
    to_stages.stage_order as to_stage_order,
    observed.horizon_days,
    observed.horizon_name,
    observed.customers,
    observed.earlier_customers,
    observed.converted,
    observed.converted / nullif(observed.customers, 0) as conversion_rate
from observed
inner join stages as from_stages on observed.from_stage_code = from_stages.stage_code
inner join stages as to_stages on observed.to_stage_code = to_stages.stage_code
left join members
    on
        observed.legal_entity_code = members.legal_entity_code
        and observed.dimension = members.dimension
        and observed.dimension_value = members.dimension_value
