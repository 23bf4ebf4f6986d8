{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

closed_rows as (
    select * from {{ ref('fct_list_row') }}
    where closed_date = {{ business_date() }}
),

standing as (
    select * from {{ ref('int_list__standing') }}
),

steps as (
    select * from {{ ref('int_list__step') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
)

select
    {{ business_date() }} as business_date,
    closed_rows.legal_entity_code,
    closed_rows.list_code,
    coalesce(definitions.list_name, closed_rows.list_code) as list_name,
    closed_rows.batch_id,
    closed_rows.row_id,
    standing.batch_state,
    closed_rows.customer_id,
    closed_rows.core_customer_id,
    features.name_masked,
    closed_rows.branch_code,
    branches.branch_name,
    closed_rows.manager_id,
    managers.manager_name,
    closed_rows.channel,
    closed_rows.is_holdout,
    closed_rows.listed_date,
    closed_rows.valid_until,
    closed_rows.close_reason,
    steps.step_name as close_reason_name
from closed_rows
inner join standing
    on
        closed_rows.legal_entity_code = standing.legal_entity_code
        and closed_rows.row_id = standing.row_id
inner join steps on closed_rows.close_reason = steps.step_code
left join features
    on
        closed_rows.legal_entity_code = features.legal_entity_code
        and closed_rows.customer_id = features.customer_id
left join definitions
    on
        closed_rows.legal_entity_code = definitions.legal_entity_code
        and closed_rows.list_code = definitions.list_code
left join branches
    on
        closed_rows.legal_entity_code = branches.legal_entity_code
        and closed_rows.branch_code = branches.branch_code
left join managers
    on
        closed_rows.legal_entity_code = managers.legal_entity_code
        and closed_rows.manager_id = managers.manager_id
