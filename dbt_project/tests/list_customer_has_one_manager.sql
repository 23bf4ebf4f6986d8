-- On one business date nobody is called by two managers, whatever the number of lists.
select
    legal_entity_code,
    customer_id
from {{ ref('mart_marketing_list') }}
where business_date = {{ business_date() }}
group by legal_entity_code, customer_id
having count(distinct coalesce(manager_id, '')) > 1
