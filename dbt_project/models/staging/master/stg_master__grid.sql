with

landed as (
    select * from {{ source('master', 'grid') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    grid_id,
    grid_name,
    parent_grid_id,
    grid_kind,
    grid_type,
    market_type,
    branch_code,
    latitude,
    longitude,
    valid_from,
    valid_to,
    business_date,
    batch_id,
    source_row
from standing
