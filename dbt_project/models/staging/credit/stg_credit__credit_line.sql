with

landed as (
    select * from {{ source('credit', 'credit_line') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'credit_line_id']) }}
)

select
    legal_entity_code,
    credit_line_id,
    customer_id,
    product_code,
    limit_amount,
    approved_date,
    signed_date,
    expiry_date,
    channel,
    annual_rate,
    rate_type,
    status,
    branch_code,
    manager_id,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
