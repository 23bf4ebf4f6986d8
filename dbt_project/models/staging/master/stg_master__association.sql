with

landed as (
    select * from {{ source('master', 'association') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    association_code,
    association_name,
    business_date,
    batch_id,
    source_row
from standing
