-- Every core customer leads to exactly one resolved customer; a link may merge people, never drop them.
select core_customers.customer_id
from {{ ref('stg_core__customer') }} as core_customers
left join {{ ref('int_customer__identity') }} as identity
    on
        core_customers.legal_entity_code = identity.legal_entity_code
        and core_customers.customer_id = identity.source_key
        and identity.source_table = 'core.customer'
left join {{ ref('int_customer__features') }} as features
    on
        identity.legal_entity_code = features.legal_entity_code
        and identity.customer_id = features.customer_id
where features.customer_id is null
