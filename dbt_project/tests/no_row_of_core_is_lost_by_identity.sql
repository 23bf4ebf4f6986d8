-- Every core customer leads to exactly one resolved customer; a link may merge people, never drop them.
select core_customers.customer_id
from {{ ref('stg_core__customer') }} as core_customers
left join {{ ref('int_customer__identity') }} as links
    on
        core_customers.legal_entity_code = links.legal_entity_code
        and core_customers.customer_id = links.source_key
        and links.source_table = 'core.customer'
left join {{ ref('int_customer__features') }} as features
    on
        links.legal_entity_code = features.legal_entity_code
        and links.customer_id = features.customer_id
where features.customer_id is null
