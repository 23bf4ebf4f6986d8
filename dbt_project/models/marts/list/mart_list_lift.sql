{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

lifts as (
    select * from {{ ref('int_list__lift') }}
    where scope <> 'batch'
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

named as (
    select
        lifts.*,
        if(lifts.scope = 'all', '全部名单', coalesce(definitions.list_name, lifts.list_code)) as list_name
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
    list_name || '·' || {{ value_label('outcome', 'outcome_code') }} || window_days || '天('
    || {{ value_label('origin', 'origin') }} || ')' as series_name,
    outcome as outcome_code,
    * exclude (look_date, legal_entity_code, origin, scope, list_code, list_name, batch_id, outcome),
    served_rows + control_rows as enrolled_rows,
    {{ lift_interval_text() }} as interval_text
from named
