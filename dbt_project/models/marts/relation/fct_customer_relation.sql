with

edges as (
    select * from {{ ref('int_relation__edge') }}
)

select
    legal_entity_code,
    from_customer_id,
    to_customer_id,
    relation_type,
    from_role,
    to_role,
    since,
    amount,
    occurrences,
    evidence
from edges
