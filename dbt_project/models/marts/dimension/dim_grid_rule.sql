with

rules as (
    select * from {{ ref('stg_master__grid_membership_rule') }}
)

select
    legal_entity_code,
    rule_id,
    grid_id,
    rule_type,
    rule_value,
    priority
from rules
