with

landed as (
    select * from {{ source('master', 'grid_change') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    change_id,
    kind,
    effective_date,
    old_grid_id,
    new_grid_id,
    business_date,
    batch_id,
    source_row
from standing
