with

landed as (
    select * from {{ source('master', 'grid_membership_rule') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    rule_id,
    grid_id,
    rule_type,
    rule_value,
    priority,
    valid_from,
    valid_to,
    business_date,
    batch_id,
    source_row
from standing
