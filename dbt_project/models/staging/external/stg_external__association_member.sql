with

landed as (
    select * from {{ source('external', 'association_member') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'association_code', 'credit_code']) }}
)

select
    legal_entity_code,
    association_code,
    credit_code,
    is_key_person,
    joined_date,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
