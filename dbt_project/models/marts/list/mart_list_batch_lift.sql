with

lifts as (
    select * from {{ ref('int_list__lift') }}
    where scope = 'batch' and look_date = {{ business_date() }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
)

select
    lifts.look_date as business_date,
    lifts.legal_entity_code,
    lifts.origin,
    lifts.list_code,
    coalesce(definitions.list_name, lifts.list_code) as list_name,
    lifts.batch_id,
    lifts.outcome as outcome_code,
    lifts.* exclude (look_date, legal_entity_code, origin, scope, list_code, batch_id, outcome),
    {{ lift_interval_text('lifts') }} as interval_text
from lifts
left join definitions
    on
        lifts.legal_entity_code = definitions.legal_entity_code
        and lifts.list_code = definitions.list_code
