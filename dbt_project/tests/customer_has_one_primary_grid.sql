-- Every customer is in exactly one primary entity grid, or among the unassigned with a reason: not in two, not lost.
select
    customers.legal_entity_code,
    customers.customer_id,
    count(assignments.grid_id) as primary_grids,
    count(unassigned.reason_code) as reasons
from {{ ref('int_customer__resolved') }} as customers
left join {{ ref('int_customer_grid__assigned') }} as assignments
    on
        customers.legal_entity_code = assignments.legal_entity_code
        and customers.customer_id = assignments.customer_id
        and assignments.is_primary
left join {{ ref('mart_customer_unassigned') }} as unassigned
    on
        customers.legal_entity_code = unassigned.legal_entity_code
        and customers.customer_id = unassigned.customer_id
group by customers.legal_entity_code, customers.customer_id
having count(assignments.grid_id) + count(unassigned.reason_code) <> 1
