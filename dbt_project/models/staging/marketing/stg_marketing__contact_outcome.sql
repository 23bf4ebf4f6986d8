with

landed as not materialized (
    select * from {{ source('marketing', 'contact_outcome') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'outcome_id']) }}
)

select
    legal_entity_code,
    outcome_id,
    list_code,
    list_batch_id,
    customer_id,
    contacted_at,
    channel,
    outcome,
    manager_id,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
