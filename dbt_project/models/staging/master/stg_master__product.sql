with

landed as (
    select * from {{ source('master', 'product') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    product_code,
    product_name,
    category,
    deposit_class,
    is_online,
    business_date,
    batch_id,
    source_row
from standing
