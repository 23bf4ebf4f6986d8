with

landed as (
    select * from {{ source('marketing', 'authorisation') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'customer_id', 'purpose', 'channel']) }}
)

select
    legal_entity_code,
    customer_id,
    purpose,
    channel,
    granted_date,
    expiry_date,
    revoked_date,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
