with

landed as (
    select * from {{ source('master', 'identity_decision') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key(
        'landed', ['legal_entity_code', 'source_table', 'source_key', 'customer_id', 'decided_date']
    ) }}
)

select
    legal_entity_code,
    source_table,
    source_key,
    customer_id,
    decided_date,
    decision,
    reviewer,
    note,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
