with

landed as not materialized (
    select * from {{ source('marketing', 'list_return') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'row_id', 'recipient', 'contacted_at', 'outcome']) }}
)

select
    legal_entity_code,
    list_batch_id,
    row_id,
    customer_id,
    outcome,
    channel,
    contacted_at,
    recipient,
    business_date,
    batch_id,
    source_row
from standing
