{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}
{%- set list_name -%}
    if(lifts.scope = 'all', '全部名单', coalesce(definitions.list_name, lifts.list_code))
{%- endset %}

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
    {{ list_name }} as list_name,
    {{ list_name }} || '·' || {{ value_label('lifts.outcome', 'outcome_code') }} || lifts.window_days || '天('
    || {{ value_label('lifts.origin', 'origin') }} || ')' as series_name,
    lifts.outcome as outcome_code,
    lifts.* exclude (look_date, legal_entity_code, origin, scope, list_code, batch_id, outcome),
    lifts.served_rows + lifts.control_rows as enrolled_rows,
    {{ lift_interval_text('lifts') }} as interval_text
from lifts
left join definitions
    on
        lifts.legal_entity_code = definitions.legal_entity_code
        and lifts.list_code = definitions.list_code
