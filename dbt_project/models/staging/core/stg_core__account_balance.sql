with

landed as not materialized (
    select * from {{ source('core', 'account_balance') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'account_id', 'balance_date']) }}
)

select
    legal_entity_code,
    account_id,
    balance_date,
    balance,
    business_date,
    batch_id,
    source_row
from standing
