with

landed as (
    select * from {{ source('master', 'scene') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    scene_code,
    scene_name,
    business_date,
    batch_id,
    source_row
from standing
