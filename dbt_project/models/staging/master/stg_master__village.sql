with

landed as (
    select * from {{ source('master', 'village') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    village_code,
    village_name,
    town_code,
    town_name,
    market_type,
    registered_population,
    households,
    latitude,
    longitude,
    business_date,
    batch_id,
    source_row
from standing
