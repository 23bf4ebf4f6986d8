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

core_customers as (
    select * from {{ ref('stg_core__customer') }}
    where customer_type = 'enterprise'
),

enterprise_accounts as (
    select
        accounts.legal_entity_code,
        accounts.account_id
    from accounts
    inner join core_customers
        on
            accounts.legal_entity_code = core_customers.legal_entity_code
            and accounts.customer_id = core_customers.customer_id
),

-- payments of trade: salaries, settlements and fees are with employees, wallets and the bank itself
payments as (
    select postings.*
    from postings
    inner join enterprise_accounts
        on
            postings.legal_entity_code = enterprise_accounts.legal_entity_code
            and postings.account_id = enterprise_accounts.account_id
    where
        postings.summary_code in ('transfer_in', 'transfer_out', 'bill_received')
        and postings.counterparty_bank = 'own'
        and postings.counterparty_account_key is not null
),

batches as (
    select distinct
        legal_entity_code,
        business_date,
        batch_id
    from postings
)

select
    legal_entity_code,
    account_id,
    counterparty_account_key,
    posting_date,
    business_date,
    batch_id,
    count(*) filter (where amount < 0) as paid_count,
    coalesce(-sum(amount) filter (where amount < 0), 0) as paid_amount,
    count(*) filter (where amount > 0) as received_count,
    coalesce(sum(amount) filter (where amount > 0), 0) as received_amount
from payments
group by legal_entity_code, account_id, counterparty_account_key, posting_date, business_date, batch_id
union all
-- says that the batch was taken in, for a batch without any such payment would be read again every day
select
    legal_entity_code,
    '' as account_id,
    '' as counterparty_account_key,
    business_date as posting_date,
    business_date,
    batch_id,
    0 as paid_count,
    0 as paid_amount,
    0 as received_count,
    0 as received_amount
from batches
