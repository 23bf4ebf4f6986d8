{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ delete_from_rebuild_date(ref('stg_core__transaction')) }}",
) }}

with

postings as (
    select * from {{ ref('stg_core__transaction') }}
    where business_date >= {{ rebuild_from(ref('stg_core__transaction')) }}
),

accounts as (
    select * from {{ ref('stg_core__account') }}
),

batches as (
    select distinct
        legal_entity_code,
        business_date,
        batch_id
    from postings
)

select
    postings.legal_entity_code,
    postings.account_id,
    postings.posting_date,
    postings.business_date,
    postings.batch_id,
    sum(postings.amount) as received_amount
from postings
inner join accounts as receivers
    on
        postings.legal_entity_code = receivers.legal_entity_code
        and postings.account_id = receivers.account_id
inner join accounts as payers
    on
        postings.legal_entity_code = payers.legal_entity_code
        and postings.counterparty_account_key = payers.account_number_key
        and receivers.customer_id = payers.customer_id
where postings.amount > 0 and postings.summary_code = 'transfer_in'
group by
    postings.legal_entity_code, postings.account_id, postings.posting_date, postings.business_date, postings.batch_id
union all
-- says that the batch was taken in, for a batch without any such payment would be read again every day
select
    legal_entity_code,
    '' as account_id,
    business_date as posting_date,
    business_date,
    batch_id,
    0 as received_amount
from batches
