with

landed as (
    select * from {{ source('master', 'special_industry') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    special_industry_code,
    special_industry_name,
    industry_code,
    segment_code,
    business_date,
    batch_id,
    source_row
from standing
