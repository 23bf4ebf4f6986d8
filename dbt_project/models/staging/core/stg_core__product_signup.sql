with

landed as (
    select * from {{ source('core', 'product_signup') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'customer_id', 'product_code']) }}
)

select
    legal_entity_code,
    customer_id,
    product_code,
    signup_date,
    cancel_date,
    channel,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
