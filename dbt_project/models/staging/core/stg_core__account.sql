with

landed as (
    select * from {{ source('core', 'account') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'account_id']) }}
)

select
    legal_entity_code,
    account_id,
    customer_id,
    account_number_key,
    account_number_masked,
    product_code,
    account_type,
    deposit_class,
    is_basic_account,
    currency,
    open_date,
    close_date,
    maturity_date,
    branch_code,
    status,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
