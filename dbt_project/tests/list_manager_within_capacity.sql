-- No manager has more rows of a list open, those held out included, than its definition allows.
select
    lists.list_code,
    lists.manager_id,
    count(*) as open_rows
from {{ ref('mart_marketing_list') }} as lists
inner join {{ ref('int_list__definition') }} as definitions
    on
        lists.legal_entity_code = definitions.legal_entity_code
        and lists.list_code = definitions.list_code
where
    lists.business_date = {{ business_date() }}
    and lists.manager_id is not null
group by lists.list_code, lists.manager_id, definitions.capacity_per_manager
having count(*) > definitions.capacity_per_manager
