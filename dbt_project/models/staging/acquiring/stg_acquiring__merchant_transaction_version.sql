with

landed as (
    select * from {{ source('acquiring', 'merchant_transaction') }}
    where business_date <= {{ business_date() }}
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
    source_row,
    coalesce(is_deleted, false) as is_deleted
from landed
