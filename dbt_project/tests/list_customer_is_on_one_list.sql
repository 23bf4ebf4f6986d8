-- Nobody is on two lists, or with two managers, at a time; the control group included.
select
    legal_entity_code,
    customer_id,
    count(*) as open_rows
from {{ ref('mart_marketing_list') }}
where business_date = {{ business_date() }}
group by legal_entity_code, customer_id
having count(*) > 1
