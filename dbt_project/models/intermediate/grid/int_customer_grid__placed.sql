with

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

roster as (
    select * from {{ ref('int_household__member') }}
),

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where customer_id is not null and status <> 'closed'
),

businesses as (
    select * from {{ ref('int_customer_business__linked') }}
),

association_members as (
    select *
    from {{ ref('stg_external__association_member') }} as association_members
    where
        {{ basis_holds('association_members') }}
        and (association_members.joined_date is null or association_members.joined_date <= {{ business_date() }})
),

registry as (
    select *
    from {{ ref('stg_external__business_registry') }} as registry
    where {{ basis_holds('registry') }}
),

employers as (
    select * from {{ ref('int_customer_employer__linked') }}
),

placed as (
    select
        legal_entity_code,
        customer_id,
        'village_code' as rule_type,
        village_code as rule_value
    from customers
    union
    -- a group is part of the village that the customer belongs to
    select
        customers.legal_entity_code,
        customers.customer_id,
        'group_name' as rule_type,
        roster.village_code || '|' || roster.group_name as rule_value
    from customers
    inner join roster
        on
            customers.legal_entity_code = roster.legal_entity_code
            and customers.customer_id = roster.customer_id
            and customers.village_code = roster.village_code
    union
    select
        legal_entity_code,
        customer_id,
        'market_code' as rule_type,
        market_code as rule_value
    from merchants
    union
    select
        association_members.legal_entity_code,
        businesses.customer_id,
        'association_code' as rule_type,
        association_members.association_code as rule_value
    from association_members
    inner join businesses
        on
            association_members.legal_entity_code = businesses.legal_entity_code
            and association_members.credit_code = businesses.credit_code
    union
    select
        legal_entity_code,
        customer_id,
        'employer_credit_code' as rule_type,
        employer_credit_code as rule_value
    from employers
    union
    select
        legal_entity_code,
        customer_id,
        'special_industry_code' as rule_type,
        special_industry_code as rule_value
    from businesses
    union
    -- the registered address of a business is public; where people live is in the vault and takes no part
    select
        businesses.legal_entity_code,
        businesses.customer_id,
        'address' as rule_type,
        registry.registered_address as rule_value
    from businesses
    inner join registry
        on
            businesses.legal_entity_code = registry.legal_entity_code
            and businesses.credit_code = registry.credit_code
)

select
    legal_entity_code,
    customer_id,
    rule_type,
    rule_value
from placed
where rule_value is not null
