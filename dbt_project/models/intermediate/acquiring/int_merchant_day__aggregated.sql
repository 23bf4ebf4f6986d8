{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ delete_from_rebuild_date(ref('stg_acquiring__merchant_transaction')) }}",
) }}

with

transactions as (
    select * from {{ ref('stg_acquiring__merchant_transaction') }}
    where business_date >= {{ rebuild_from(ref('stg_acquiring__merchant_transaction')) }}
)

select
    legal_entity_code,
    merchant_id,
    transaction_date,
    business_date,
    batch_id,
    count(*) as transaction_count,
    sum(amount) as amount,
    coalesce(sum(amount) filter (where pay_method = 'qr'), 0) as qr_amount
from transactions
group by legal_entity_code, merchant_id, transaction_date, business_date, batch_id
