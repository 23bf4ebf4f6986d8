with

landed as (
    select * from {{ source('marketing', 'opt_out') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'customer_id', 'channel']) }}
)

select
    legal_entity_code,
    customer_id,
    channel,
    opted_out_date,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
