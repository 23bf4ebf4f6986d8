with

landed as not materialized (
    select * from {{ source('marketing', 'pushed_row') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'list_batch_id', 'customer_id']) }}
)

select
    legal_entity_code,
    list_batch_id,
    list_code,
    customer_id,
    pushed_date,
    arm,
    cluster_code,
    channel,
    manager_id,
    outcome,
    outcome_window_days,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
