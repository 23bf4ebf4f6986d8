with

landed as not materialized (
    select * from {{ source('marketing', 'visit') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'visit_id']) }}
)

select
    legal_entity_code,
    visit_id,
    customer_id,
    manager_id,
    visit_type,
    visit_method,
    visited_at,
    recorded_at,
    latitude,
    longitude,
    content,
    outcome,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
