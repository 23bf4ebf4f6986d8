with

entries as (
    select * from {{ ref('int_funnel__stage_entry') }}
),

stages as (
    select * from {{ ref('int_funnel__stage') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

ordered as (
    select
        entries.legal_entity_code,
        entries.customer_id,
        entries.stage_code,
        stages.stage_name,
        stages.stage_order,
        stages.is_on_path,
        entries.event_date,
        entries.channel,
        entries.amount,
        entries.product_code,
        entries.list_code,
        lag(entries.event_date) over (
            partition by entries.legal_entity_code, entries.customer_id, stages.is_on_path
            order by stages.stage_order
        ) as previous_event_date
    from entries
    inner join stages on entries.stage_code = stages.stage_code
)

select
    ordered.legal_entity_code,
    ordered.customer_id,
    ordered.stage_code,
    ordered.stage_name,
    ordered.stage_order,
    ordered.event_date,
    ordered.channel,
    ordered.amount,
    -- A later stage entered earlier (an account opened years before the first visit) says nothing about speed.
    case
        when ordered.is_on_path and ordered.event_date >= ordered.previous_event_date
            then ordered.event_date - ordered.previous_event_date
    end as days_from_previous,
    ordered.product_code,
    ordered.list_code,
    features.branch_code,
    features.manager_id,
    features.primary_grid_id as grid_id,
    features.market_type,
    features.segment_code,
    features.segment_name
from ordered
inner join features
    on
        ordered.legal_entity_code = features.legal_entity_code
        and ordered.customer_id = features.customer_id
