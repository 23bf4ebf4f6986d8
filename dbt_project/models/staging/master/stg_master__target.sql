with

landed as (
    select * from {{ source('master', 'target') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    organisation_level,
    organisation_code,
    measure_code,
    period_type,
    period_start,
    target_value,
    business_date,
    batch_id,
    source_row
from standing
