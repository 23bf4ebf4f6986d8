with

landed as (
    select * from {{ source('acquiring', 'merchant_transaction') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'transaction_id']) }}
)

select
    legal_entity_code,
    transaction_id,
    merchant_id,
    terminal_id,
    transaction_time,
    transaction_date,
    amount,
    pay_method,
    updated_at,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
