{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ delete_from_rebuild_date(ref('stg_core__account_balance')) }}",
) }}

with

balances as (
    select * from {{ ref('stg_core__account_balance') }}
    where business_date >= {{ rebuild_from(ref('stg_core__account_balance')) }}
)

select
    legal_entity_code,
    account_id,
    balance_date,
    business_date,
    batch_id,
    balance
from balances
