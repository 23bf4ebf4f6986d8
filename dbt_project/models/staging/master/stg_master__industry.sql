with

landed as (
    select * from {{ source('master', 'industry') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    industry_code,
    industry_name,
    section_code,
    business_class,
    segment_code,
    business_date,
    batch_id,
    source_row
from standing
