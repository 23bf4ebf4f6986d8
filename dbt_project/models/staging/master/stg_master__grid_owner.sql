with

landed as (
    select * from {{ source('master', 'grid_owner') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    grid_id,
    employee_id,
    role,
    valid_from,
    valid_to,
    business_date,
    batch_id,
    source_row
from standing
