{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

lifts as (
    select * from {{ ref('int_list__lift') }}
    where scope <> 'batch'
),

definitions as (
    select * from {{ ref('int_list__definition') }}
)

select
    lifts.look_date as business_date,
    lifts.legal_entity_code,
    lifts.origin,
    lifts.list_code,
    case when lifts.scope = 'all' then '全部名单' else coalesce(definitions.list_name, lifts.list_code) end as list_name,
    lifts.outcome as outcome_code,
    lifts.* exclude (look_date, legal_entity_code, origin, scope, list_code, batch_id, outcome)
from lifts
left join definitions
    on
        lifts.legal_entity_code = definitions.legal_entity_code
        and lifts.list_code = definitions.list_code
