with

entries as (
    select * from {{ ref('int_funnel__stage_entry') }}
),

stages as (
    select * from {{ ref('int_funnel__stage') }}
),

-- Branch and manager as in the organisation tree of KPIs.
placed as (
    select * from {{ ref('int_metric__base') }}
),

cohorts as (
    select
        entries.legal_entity_code,
        entries.customer_id,
        entries.stage_code,
        stages.stage_order,
        entries.event_date,
        entries.channel,
        entries.product_code,
        entries.list_code
    from entries
    inner join stages on entries.stage_code = stages.stage_code
    where
        stages.is_cohort
        and entries.event_date
        >= date_trunc('month', {{ business_date() }}) - interval {{ var('cohort_months') - 1 }} month
),

-- Of every cohort, each later stage that is looked for.
sought as (
    select
        cohorts.*,
        stages.stage_code as to_stage_code
    from cohorts
    inner join stages on cohorts.stage_order < stages.stage_order
    where stages.is_conversion
)

select
    sought.legal_entity_code,
    sought.customer_id,
    sought.stage_code as from_stage_code,
    sought.to_stage_code,
    sought.event_date as from_date,
    entries.event_date as to_date,
    -- Who was further already when the cohort began cannot convert any more.
    coalesce(entries.event_date < sought.event_date, false) as is_earlier,
    case when entries.event_date >= sought.event_date then entries.event_date - sought.event_date end as days_taken,
    sought.channel,
    sought.product_code,
    sought.list_code,
    placed.branch_code,
    placed.manager_code,
    placed.primary_grid_id as grid_id,
    placed.market_type,
    placed.segment_code
from sought
inner join placed
    on
        sought.legal_entity_code = placed.legal_entity_code
        and sought.customer_id = placed.customer_id
left join entries
    on
        sought.legal_entity_code = entries.legal_entity_code
        and sought.customer_id = entries.customer_id
        and sought.to_stage_code = entries.stage_code
