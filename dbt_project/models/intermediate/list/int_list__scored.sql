with

candidates as (
    select * from {{ ref('int_list__candidate') }}
)

select
    legal_entity_code,
    list_code,
    customer_id,
    response_rule as response_probability,
    value_amount,
    response_rule * value_amount as score,
    'rule' as scored_by,
    cast(null as varchar) as score_reason
from candidates
