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
)

select
    legal_entity_code,
    account_id,
    posting_date,
    business_date,
    batch_id,
    count(*) as posting_count,
    count(*) filter (where summary_code not in ('interest', 'fee')) as active_posting_count,
    count(*) filter (where channel = 'mobile') as mobile_posting_count,
    count(*) filter (where channel = 'counter') as counter_posting_count,
    count(*) filter (where channel = 'online') as online_posting_count,
    count(*) filter (where channel = 'atm') as atm_posting_count,
    coalesce(sum(amount) filter (
        where amount > 0 and summary_code not in ('loan_disbursal', 'wealth', 'interest')
    ), 0) as inflow,
    coalesce(-sum(amount) filter (
        where amount < 0 and summary_code not in ('loan_repayment', 'wealth', 'fee')
    ), 0) as outflow,
    coalesce(-sum(amount) filter (
        where amount < 0 and summary_code = 'transfer_out' and counterparty_bank <> 'own'
    ), 0) as other_bank_outflow,
    coalesce(-sum(amount) filter (where summary_code = 'qr_spending'), 0) as qr_spending,
    coalesce(sum(amount) filter (where amount > 0 and summary_code = 'salary'), 0) as salary,
    coalesce(sum(amount) filter (where amount > 0 and summary_code = 'pension'), 0) as pension,
    coalesce(-sum(amount) filter (where amount < 0 and summary_code = 'online_lender'), 0) as online_lender_repayment,
    coalesce(-sum(amount) filter (where amount < 0 and summary_code = 'wealth'), 0) as wealth_purchase,
    coalesce(sum(amount) filter (where amount > 0 and summary_code = 'bill_received'), 0) as bill_received,
    coalesce(sum(amount) filter (where amount > 0 and summary_code = 'foreign_exchange'), 0) as foreign_exchange,
    max_by(balance_after, source_row) as closing_balance
from postings
group by legal_entity_code, account_id, posting_date, business_date, batch_id
