{#- Weeks of a grid or a manager hold a handful of customers: weekly cohorts are kept for the bank and its branches. -#}
{%- set horizons = [30, 60, 90] -%}
{%- set dimensions = funnel_dimensions() -%}
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

counted as (
    {%- for period, grouped_by in {"month": dimensions, "week": {"branch": "branch_code"}}.items() %}
    select
        legal_entity_code,
        '{{ period }}' as period,
        cast(date_trunc('{{ period }}', from_date) as date) as cohort_start,
        cast(date_trunc('{{ period }}', from_date) + interval 1 {{ period }} as date) as cohort_end,
        from_stage_code,
        to_stage_code,
        {{ dimension_columns(grouped_by) }},
        count(*) filter (where not is_earlier) as customers,
        count(*) filter (where is_earlier) as earlier_customers,
        {%- for days in horizons %}
        count(*) filter (where days <= {{ days }}) as converted_{{ days }},
        {%- endfor %}
        count(*) filter (where days is not null) as converted_to_date
    from progress
    {%- if period == "week" %}
    where from_date >= date_trunc('week', {{ business_date() }}) - interval {{ var('cohort_weeks') - 1 }} week
    {%- endif %}
    group by {{ dimension_sets(
        ["legal_entity_code", "cohort_start", "cohort_end", "from_stage_code", "to_stage_code"], grouped_by
    ) }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- A horizon is shown once the last customer of the cohort has lived through it; what came so far is always shown.
observed as (
    {%- for days in horizons %}
    select
        counted.*,
        {{ days }} as horizon_days,
        '{{ days }}天内' as horizon_name,
        converted_{{ days }} as converted
    from counted
    where cohort_end - 1 + {{ days }} <= {{ business_date() }}
    union all
    {%- endfor %}
    select
        counted.*,
        cast(null as integer) as horizon_days,
        '至今' as horizon_name,
        converted_to_date as converted
    from counted
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
