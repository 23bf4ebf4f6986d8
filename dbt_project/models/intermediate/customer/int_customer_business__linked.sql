with

registry as (
    select *
    from {{ ref('stg_external__business_registry') }} as registry
    where {{ basis_holds('registry') }}
),

association_members as (
    select *
    from {{ ref('stg_external__association_member') }} as association_members
    where {{ basis_holds('association_members') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table in ('external.business_registry', 'external.business_registry.legal_person')
),

associations as (
    select
        legal_entity_code,
        credit_code,
        min(association_code) as association_code,
        bool_or(is_key_person) as is_key_person
    from association_members
    where joined_date is null or joined_date <= {{ business_date() }}
    group by legal_entity_code, credit_code
),

-- a business and its legal person both carry the trade of the business
links as (
    select
        identity.customer_id,
        identity.source_table = 'external.business_registry.legal_person' as as_legal_person,
        registry.*,
        associations.association_code,
        coalesce(associations.is_key_person, false) as is_key_person
    from registry
    inner join identity
        on
            registry.legal_entity_code = identity.legal_entity_code
            and registry.credit_code = identity.source_key
    left join associations
        on
            registry.legal_entity_code = associations.legal_entity_code
            and registry.credit_code = associations.credit_code
    where registry.status = 'active' and registry.registered_date <= {{ business_date() }}
)

-- of several businesses the one with the most capital speaks for the person
select
    legal_entity_code,
    customer_id,
    max_by(credit_code, (coalesce(registered_capital, 0), credit_code)) as credit_code,
    max_by(industry_code, (coalesce(registered_capital, 0), credit_code)) as industry_code,
    max_by(special_industry_code, (coalesce(registered_capital, 0), credit_code)) as special_industry_code,
    max_by(village_code, (coalesce(registered_capital, 0), credit_code)) as business_village_code,
    max_by(registered_date, (coalesce(registered_capital, 0), credit_code)) as registered_date,
    min(association_code) as association_code,
    bool_or(is_key_person) as is_key_person,
    bool_or(as_legal_person) as is_legal_person
from links
group by legal_entity_code, customer_id
