{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ delete_from_rebuild_date(ref('stg_acquiring__merchant_transaction_version')) }}",
) }}

with

delivered as (
    select * from {{ ref('stg_acquiring__merchant_transaction_version') }}
    where business_date >= {{ rebuild_from(ref('stg_acquiring__merchant_transaction_version')) }}
),

-- every version of the transactions delivered, and the batch that replaced it
versions as (
    select
        past.*,
        lead(past.business_date) over one_transaction as replaced_on,
        lead(past.batch_id) over one_transaction as replaced_by
    from {{ ref('stg_acquiring__merchant_transaction_version') }} as past
    semi join delivered
        on past.legal_entity_code = delivered.legal_entity_code and past.transaction_id = delivered.transaction_id
    window one_transaction as (
        partition by past.legal_entity_code, past.transaction_id
        order by past.business_date
    )
),

changes as (
    select
        legal_entity_code,
        merchant_id,
        transaction_date,
        business_date,
        batch_id,
        amount,
        pay_method,
        1 as counted
    from versions
    where not is_deleted
    union all
    select
        legal_entity_code,
        merchant_id,
        transaction_date,
        replaced_on as business_date,
        replaced_by as batch_id,
        amount,
        pay_method,
        -1 as counted
    from versions
    where not is_deleted and replaced_on is not null
)

select
    legal_entity_code,
    merchant_id,
    transaction_date,
    business_date,
    batch_id,
    cast(sum(counted) as bigint) as transaction_count,
    sum(counted * amount) as amount,
    coalesce(sum(counted * amount) filter (where pay_method = 'qr'), 0) as qr_amount
from changes
where business_date >= {{ rebuild_from(ref('stg_acquiring__merchant_transaction_version')) }}
group by legal_entity_code, merchant_id, transaction_date, business_date, batch_id
