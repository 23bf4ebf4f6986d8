with

landed as (
    select * from {{ source('acquiring', 'terminal') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'terminal_id']) }}
)

select
    legal_entity_code,
    terminal_id,
    merchant_id,
    terminal_type,
    installed_date,
    status,
    updated_at,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
