with

features as (
    select * from {{ ref('int_customer__features') }}
    where is_filed or is_whitelisted
),

roster as (
    select * from {{ ref('int_household__member') }}
),

signings as (
    select * from {{ ref('int_funnel__stage_entry') }}
    where stage_code = 'signed'
)

select
    features.legal_entity_code,
    features.customer_id,
    coalesce(roster.village_code, features.village_code) as village_code,
    features.household_id,
    features.is_filed,
    features.is_evaluated,
    features.is_whitelisted,
    features.whitelist_limit,
    signings.event_date as signed_date,
    features.is_drawn
from features
left join roster
    on
        features.legal_entity_code = roster.legal_entity_code
        and features.customer_id = roster.customer_id
left join signings
    on
        features.legal_entity_code = signings.legal_entity_code
        and features.customer_id = signings.customer_id
