with

core_customers as (
    select * from {{ ref('stg_core__customer') }}
),

roster as (
    select * from {{ ref('stg_credit__village_roster') }}
    where filed_date <= {{ business_date() }}
),

whitelist as (
    select * from {{ ref('stg_credit__whitelist') }}
    where granted_date <= {{ business_date() }}
),

own_cards as (
    select * from {{ ref('stg_social_security__card_holder') }}
    where issuing_bank = 'own'
),

registry as (
    select *
    from {{ ref('stg_external__business_registry') }} as registry
    where {{ basis_holds('registry') }}
),

members as (
    select
        legal_entity_code,
        'core.customer' as source_table,
        customer_id as source_key,
        customer_type,
        case when id_number_is_valid then id_number_key end as valid_id_key,
        case when not id_number_is_valid then id_number_key end as doubtful_id_key,
        case when customer_type = 'enterprise' then credit_code end as credit_code,
        phone_key,
        name_key,
        'C' || customer_id as own_id
    from core_customers
    union all
    select
        legal_entity_code,
        'credit.village_roster' as source_table,
        village_code || '|' || household_no || '|' || member_no as source_key,
        'person' as customer_type,
        case when id_number_is_valid then id_number_key end as valid_id_key,
        case when not id_number_is_valid then id_number_key end as doubtful_id_key,
        cast(null as varchar) as credit_code,
        phone_key,
        name_key,
        {{ unlinked_id("village_code || household_no || member_no") }} as own_id
    from roster
    union all
    select
        legal_entity_code,
        'credit.whitelist' as source_table,
        whitelist_batch || '|' || id_number_key as source_key,
        'person' as customer_type,
        case when id_number_is_valid then id_number_key end as valid_id_key,
        case when not id_number_is_valid then id_number_key end as doubtful_id_key,
        cast(null as varchar) as credit_code,
        cast(null as varchar) as phone_key,
        name_key,
        {{ unlinked_id("id_number_key") }} as own_id
    from whitelist
    union all
    select
        legal_entity_code,
        'social_security.card_holder' as source_table,
        card_number_key as source_key,
        'person' as customer_type,
        case when id_number_is_valid then id_number_key end as valid_id_key,
        case when not id_number_is_valid then id_number_key end as doubtful_id_key,
        cast(null as varchar) as credit_code,
        phone_key,
        name_key,
        {{ unlinked_id("card_number_key") }} as own_id
    from own_cards
    union all
    select
        legal_entity_code,
        'external.business_registry' as source_table,
        credit_code as source_key,
        'enterprise' as customer_type,
        cast(null as varchar) as valid_id_key,
        cast(null as varchar) as doubtful_id_key,
        credit_code,
        cast(null as varchar) as phone_key,
        cast(null as varchar) as name_key,
        cast(null as varchar) as own_id
    from registry
    union all
    select
        legal_entity_code,
        'external.business_registry.legal_person' as source_table,
        credit_code as source_key,
        'person' as customer_type,
        case when legal_person_id_number_is_valid then legal_person_id_number_key end as valid_id_key,
        case when not legal_person_id_number_is_valid then legal_person_id_number_key end as doubtful_id_key,
        cast(null as varchar) as credit_code,
        legal_person_phone_key as phone_key,
        legal_person_name_key as name_key,
        {{ unlinked_id("'legal_person' || credit_code") }} as own_id
    from registry
    where legal_person_name_key is not null
),

-- A certain link: the record itself carries the identifier.
certain as (
    select
        *,
        case
            when credit_code is not null then {{ enterprise_id('credit_code') }}
            when valid_id_key is not null then {{ person_id('valid_id_key') }}
            when source_table = 'core.customer' then own_id
        end as certain_id,
        case
            when credit_code is not null then 'credit_code'
            when valid_id_key is not null then 'id_number'
            when source_table = 'core.customer' then 'core_number'
        end as certain_method
    from members
),

-- Phone and name point to a person only when they point to exactly one: families share phones.
known_by_phone as (
    select
        legal_entity_code,
        phone_key,
        name_key,
        min(certain_id) as phone_id
    from certain
    where certain_id is not null and customer_type = 'person' and phone_key is not null and name_key is not null
    group by legal_entity_code, phone_key, name_key
    having count(distinct certain_id) = 1
),

linked_by_phone as (
    select
        certain.*,
        case when certain.certain_id is null then known_by_phone.phone_id end as phone_id
    from certain
    left join known_by_phone
        on
            certain.legal_entity_code = known_by_phone.legal_entity_code
            and certain.phone_key = known_by_phone.phone_key
            and certain.name_key = known_by_phone.name_key
),

-- A mistyped ID number that two records share, with the same name: the whitelist is cut from the roster,
-- mistakes included.
known_by_doubtful_id as (
    select
        legal_entity_code,
        doubtful_id_key,
        name_key,
        min(coalesce(certain_id, phone_id, own_id)) as doubtful_id
    from linked_by_phone
    where doubtful_id_key is not null and name_key is not null and source_table <> 'credit.whitelist'
    group by legal_entity_code, doubtful_id_key, name_key
    having count(distinct coalesce(certain_id, phone_id, own_id)) = 1
),

linked as (
    select
        linked_by_phone.*,
        case
            when linked_by_phone.source_table = 'credit.whitelist' then known_by_doubtful_id.doubtful_id
        end as doubtful_id
    from linked_by_phone
    left join known_by_doubtful_id
        on
            linked_by_phone.legal_entity_code = known_by_doubtful_id.legal_entity_code
            and linked_by_phone.doubtful_id_key = known_by_doubtful_id.doubtful_id_key
            and linked_by_phone.name_key = known_by_doubtful_id.name_key
)

select
    legal_entity_code,
    source_table,
    source_key,
    coalesce(certain_id, phone_id, doubtful_id, own_id) as customer_id,
    case
        when certain_id is not null then certain_method
        when phone_id is not null then 'phone_name'
        when doubtful_id is not null then 'doubtful_id_name'
        else 'unlinked'
    end as method,
    case
        when certain_id is not null then 1.0
        when phone_id is not null then 0.9
        when doubtful_id is not null then 0.8
        else 0.0
    end as score
from linked
