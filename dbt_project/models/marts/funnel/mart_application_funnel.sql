{%- set dimensions = {
    "branch": "branch_code",
    "manager": "manager_id",
    "list": "list_code",
    "product": "product_code",
    "channel": "channel",
} -%}
with

staged as (
    select
        *,
        cast(min(entered_at) over (partition by legal_entity_code, application_id) as date) as begun_date
    from {{ ref('int_application__staged') }}
),

members as (
    select * from {{ ref('int_funnel__dimension') }}
),

begun as (
    select * from staged
    where begun_date >= date_trunc('month', {{ business_date() }}) - interval {{ var('cohort_months') - 1 }} month
),

cut as (
    {{ by_dimension('begun', dimensions) }}
),

counted as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        stage_code,
        stage_name,
        stage_order,
        count(*) as applications,
        cast(coalesce(sum(application_amount), 0) as decimal(18, 2)) as amount,
        count(*) filter (where stage_outcome = 'passed') as passed,
        count(*) filter (where stage_outcome = 'rejected') as rejected,
        count(*) filter (where stage_outcome = 'standing') as standing,
        median(days_from_previous) as median_days_from_previous
    from cut
    group by all
)

select
    {{ business_date() }} as business_date,
    counted.legal_entity_code,
    counted.dimension,
    counted.dimension_value,
    coalesce(members.dimension_name, nullif(counted.dimension_value, ''), '未划分') as dimension_name,
    members.branch_code,
    members.manager_id,
    counted.stage_code,
    counted.stage_name,
    counted.stage_order,
    counted.applications,
    counted.amount,
    counted.passed,
    counted.rejected,
    counted.standing,
    -- What follows a payment or a refusal is no progress of the application.
    case when counted.stage_order < 6 then counted.passed / counted.applications end as passed_share,
    counted.median_days_from_previous
from counted
left join members
    on
        counted.legal_entity_code = members.legal_entity_code
        and counted.dimension = members.dimension
        and counted.dimension_value = members.dimension_value
