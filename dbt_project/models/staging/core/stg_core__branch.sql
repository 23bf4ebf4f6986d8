with

landed as (
    select * from {{ source('core', 'branch') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'branch_code']) }}
)

select
    legal_entity_code,
    branch_code,
    branch_name,
    parent_branch_code,
    branch_level,
    town_code,
    market_type,
    latitude,
    longitude,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
