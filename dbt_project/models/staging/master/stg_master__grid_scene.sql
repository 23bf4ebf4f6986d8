with

landed as (
    select * from {{ source('master', 'grid_scene') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    grid_id,
    scene_code,
    business_date,
    batch_id,
    source_row
from standing
