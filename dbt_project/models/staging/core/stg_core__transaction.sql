with

landed as not materialized (
    select * from {{ source('core', 'transaction') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'transaction_id']) }}
)

select
    legal_entity_code,
    transaction_id,
    account_id,
    posting_date,
    posting_time,
    amount,
    balance_after,
    channel,
    summary_code,
    counterparty_account_key,
    counterparty_account_masked,
    counterparty_name_key,
    counterparty_name_masked,
    counterparty_bank,
    business_date,
    batch_id,
    source_row
from standing
