with

edges as (
    select * from {{ ref('int_relation__edge') }}
),

credit_facts as (
    select * from {{ ref('int_customer_credit__aggregated') }}
    where outstanding > 0
),

core_enterprises as (
    select * from {{ ref('int_relation__core_enterprise') }}
),

flags as (
    select
        edges.legal_entity_code,
        edges.from_customer_id as customer_id,
        'guarantor' as flag
    from edges
    where edges.relation_type = 'guarantee'
    union all
    select
        edges.legal_entity_code,
        edges.from_customer_id as customer_id,
        'guarantor_of_good_borrower' as flag
    from edges
    inner join credit_facts
        on
            edges.legal_entity_code = credit_facts.legal_entity_code
            and edges.to_customer_id = credit_facts.customer_id
    where
        edges.relation_type = 'guarantee'
        and not credit_facts.is_overdue
        and coalesce(credit_facts.worst_five_class, 'normal') = 'normal'
    {%- for borrower, other in [('to_customer_id', 'from_customer_id'), ('from_customer_id', 'to_customer_id')] %}
    union all
    select
        edges.legal_entity_code,
        edges.{{ other }} as customer_id,
        'borrower_household' as flag
    from edges
    inner join credit_facts
        on
            edges.legal_entity_code = credit_facts.legal_entity_code
            and edges.{{ borrower }} = credit_facts.customer_id
    where edges.relation_type = 'household'
    {%- endfor %}
    {%- for core, other, flag in [
        ('to_customer_id', 'from_customer_id', 'upstream'), ('from_customer_id', 'to_customer_id', 'downstream')
    ] %}
    union all
    select
        edges.legal_entity_code,
        edges.{{ other }} as customer_id,
        '{{ flag }}' as flag
    from edges
    inner join core_enterprises
        on
            edges.legal_entity_code = core_enterprises.legal_entity_code
            and edges.{{ core }} = core_enterprises.customer_id
    where edges.relation_type = 'supply'
    {%- endfor %}
    union all
    select
        edges.legal_entity_code,
        edges.from_customer_id as customer_id,
        'referrer' as flag
    from edges
    where edges.relation_type = 'referral'
)

select
    legal_entity_code,
    customer_id,
    bool_or(flag = 'guarantor') as is_guarantor,
    bool_or(flag = 'guarantor_of_good_borrower') as guarantees_good_borrower,
    bool_or(flag = 'borrower_household') as is_borrower_household,
    bool_or(flag = 'upstream') as is_upstream_of_core_enterprise,
    bool_or(flag = 'downstream') as is_downstream_of_core_enterprise,
    bool_or(flag = 'referrer') as is_referrer
from flags
group by legal_entity_code, customer_id
