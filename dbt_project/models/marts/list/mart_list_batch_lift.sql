with

lifts as (
    select * from {{ ref('int_list__lift') }}
    where scope = 'batch' and look_date = {{ business_date() }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

named as (
    select
        lifts.*,
        coalesce(definitions.list_name, lifts.list_code) as list_name
    from lifts
    left join definitions
        on
            lifts.legal_entity_code = definitions.legal_entity_code
            and lifts.list_code = definitions.list_code
)

select
    look_date as business_date,
    legal_entity_code,
    origin,
    list_code,
    list_name,
    batch_id,
    replace(batch_id, list_code, list_name) as batch_name,
    outcome as outcome_code,
    * exclude (look_date, legal_entity_code, origin, scope, list_code, list_name, batch_id, outcome),
    {{ lift_interval_text() }} as interval_text
from named
