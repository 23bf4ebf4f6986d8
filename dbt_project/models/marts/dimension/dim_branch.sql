with

branches as (
    select * from {{ ref('stg_core__branch') }}
)

select
    branches.legal_entity_code,
    {{ sql_text(var("legal_entity_name")) }} as legal_entity_name,
    branches.branch_code,
    branches.branch_name,
    branches.parent_branch_code,
    branches.branch_level,
    branches.town_code,
    branches.market_type,
    branches.latitude,
    branches.longitude
from branches
