with

customers as (
    select * from {{ ref('int_customer__resolved') }}
    where customer_type = 'enterprise'
),

trade_pairs as (
    select * from {{ ref('int_relation__trade_pair') }}
    where is_regular
),

credit_facts as (
    select * from {{ ref('int_customer_credit__aggregated') }}
),

partners as (
    select
        legal_entity_code,
        payer_id as customer_id,
        payee_id as partner_id
    from trade_pairs
    union
    select
        legal_entity_code,
        payee_id as customer_id,
        payer_id as partner_id
    from trade_pairs
),

counted as (
    select
        legal_entity_code,
        customer_id,
        count(*) as partner_count
    from partners
    group by legal_entity_code, customer_id
),

assessed as (
    select
        customers.legal_entity_code,
        customers.customer_id,
        coalesce(counted.partner_count, 0) as partner_count,
        cast(coalesce(credit_facts.credit_limit, 0) as decimal(18, 2)) as credit_limit
    from customers
    left join counted
        on
            customers.legal_entity_code = counted.legal_entity_code
            and customers.customer_id = counted.customer_id
    left join credit_facts
        on
            customers.legal_entity_code = credit_facts.legal_entity_code
            and customers.customer_id = credit_facts.customer_id
)

select *
from assessed
where
    partner_count >= {{ var('core_enterprise_partners') }}
    or credit_limit >= {{ var('core_enterprise_limit') }}
