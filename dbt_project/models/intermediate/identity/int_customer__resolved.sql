with

identity as (
    select * from {{ ref('int_customer__identity') }}
),

core_customers as (
    select * from {{ ref('stg_core__customer') }}
),

employees as (
    select * from {{ ref('stg_core__employee') }}
    where leave_date is null or leave_date > {{ business_date() }}
),

roster as (
    select * from {{ ref('stg_credit__village_roster') }}
),

whitelist as (
    select * from {{ ref('stg_credit__whitelist') }}
),

own_cards as (
    select * from {{ ref('stg_social_security__card_holder') }}
),

registry as (
    select * from {{ ref('stg_external__business_registry') }}
),

merchants as (
    select * from {{ ref('stg_acquiring__merchant') }}
),

-- One row per record, with what it says of the customer. `precedence` orders the records of a customer: core first
-- (active, then the earliest opened), then roster, card, registry, merchant, whitelist. Contributions, benefits and the
-- housing fund say no more of a person than these, and make nobody a customer.
records as (
    select
        identity.legal_entity_code,
        identity.customer_id,
        '1' || if(core_customers.status = 'active', '0', '1') || core_customers.open_date || core_customers.customer_id
            as precedence,
        core_customers.customer_type,
        core_customers.customer_id as core_customer_id,
        core_customers.name_key,
        core_customers.name_masked,
        core_customers.phone_key,
        core_customers.phone_masked,
        core_customers.id_number_key,
        core_customers.id_number_masked,
        core_customers.id_number_is_valid,
        coalesce(core_customers.gender, core_customers.id_number_gender) as gender,
        coalesce(core_customers.birth_date, core_customers.id_number_birth_date) as birth_date,
        core_customers.village_code,
        core_customers.employer_credit_code,
        core_customers.credit_code,
        core_customers.is_staff,
        core_customers.is_deceased,
        core_customers.risk_list,
        core_customers.open_date,
        core_customers.branch_code,
        core_customers.manager_id
    from identity
    inner join core_customers
        on
            identity.legal_entity_code = core_customers.legal_entity_code
            and identity.source_key = core_customers.customer_id
    where identity.source_table = 'core.customer'
    union all by name
    select
        identity.legal_entity_code,
        identity.customer_id,
        '2' || identity.source_key as precedence,
        'person' as customer_type,
        roster.name_key,
        roster.name_masked,
        roster.phone_key,
        roster.phone_masked,
        roster.id_number_key,
        roster.id_number_masked,
        roster.id_number_is_valid,
        roster.id_number_gender as gender,
        roster.id_number_birth_date as birth_date,
        roster.village_code
    from identity
    inner join roster
        on
            identity.legal_entity_code = roster.legal_entity_code
            and identity.source_key = roster.village_code || '|' || roster.household_no || '|' || roster.member_no
    where identity.source_table = 'credit.village_roster'
    union all by name
    select
        identity.legal_entity_code,
        identity.customer_id,
        '3' || identity.source_key as precedence,
        'person' as customer_type,
        own_cards.name_key,
        own_cards.name_masked,
        own_cards.phone_key,
        own_cards.phone_masked,
        own_cards.id_number_key,
        own_cards.id_number_masked,
        own_cards.id_number_is_valid,
        own_cards.id_number_gender as gender,
        own_cards.id_number_birth_date as birth_date,
        own_cards.village_code
    from identity
    inner join own_cards
        on
            identity.legal_entity_code = own_cards.legal_entity_code
            and identity.source_key = own_cards.card_number_key
    where identity.source_table = 'social_security.card_holder'
    union all by name
    -- The registered name of a business is public, so it is shown in full, not core's masked one.
    select
        identity.legal_entity_code,
        identity.customer_id,
        '4' || identity.source_key as precedence,
        'enterprise' as customer_type,
        registry.entity_name as public_name,
        registry.legal_person_phone_key as phone_key,
        registry.legal_person_phone_masked as phone_masked,
        registry.village_code,
        registry.credit_code
    from identity
    inner join registry
        on
            identity.legal_entity_code = registry.legal_entity_code
            and identity.source_key = registry.credit_code
    where identity.source_table = 'external.business_registry'
    union all by name
    select
        identity.legal_entity_code,
        identity.customer_id,
        '4' || identity.source_key as precedence,
        'person' as customer_type,
        registry.legal_person_name_key as name_key,
        registry.legal_person_name_masked as name_masked,
        registry.legal_person_phone_key as phone_key,
        registry.legal_person_phone_masked as phone_masked,
        registry.legal_person_id_number_key as id_number_key,
        registry.legal_person_id_number_masked as id_number_masked,
        registry.legal_person_id_number_is_valid as id_number_is_valid,
        registry.legal_person_id_number_gender as gender,
        registry.legal_person_id_number_birth_date as birth_date
    from identity
    inner join registry
        on
            identity.legal_entity_code = registry.legal_entity_code
            and identity.source_key = registry.credit_code
    where identity.source_table = 'external.business_registry.legal_person'
    union all by name
    select
        identity.legal_entity_code,
        identity.customer_id,
        '5' || identity.source_key as precedence,
        'enterprise' as customer_type,
        merchants.merchant_name as public_name,
        merchants.legal_person_phone_key as phone_key,
        merchants.legal_person_phone_masked as phone_masked,
        merchants.village_code,
        merchants.credit_code
    from identity
    inner join merchants
        on
            identity.legal_entity_code = merchants.legal_entity_code
            and identity.source_key = merchants.merchant_id
    where identity.source_table = 'acquiring.merchant'
    union all by name
    select
        identity.legal_entity_code,
        identity.customer_id,
        '5' || identity.source_key as precedence,
        'person' as customer_type,
        merchants.legal_person_name_key as name_key,
        merchants.legal_person_name_masked as name_masked,
        merchants.legal_person_phone_key as phone_key,
        merchants.legal_person_phone_masked as phone_masked,
        merchants.legal_person_id_number_key as id_number_key,
        merchants.legal_person_id_number_masked as id_number_masked,
        merchants.legal_person_id_number_is_valid as id_number_is_valid,
        merchants.legal_person_id_number_gender as gender,
        merchants.legal_person_id_number_birth_date as birth_date
    from identity
    inner join merchants
        on
            identity.legal_entity_code = merchants.legal_entity_code
            and identity.source_key = merchants.merchant_id
    where identity.source_table = 'acquiring.merchant.legal_person'
    union all by name
    select
        identity.legal_entity_code,
        identity.customer_id,
        '6' || identity.source_key as precedence,
        'person' as customer_type,
        whitelist.name_key,
        whitelist.name_masked,
        whitelist.id_number_key,
        whitelist.id_number_masked,
        whitelist.id_number_is_valid,
        whitelist.id_number_gender as gender,
        whitelist.id_number_birth_date as birth_date,
        whitelist.village_code
    from identity
    inner join whitelist
        on
            identity.legal_entity_code = whitelist.legal_entity_code
            and identity.source_key = whitelist.whitelist_batch || '|' || whitelist.id_number_key
    where identity.source_table = 'credit.whitelist'
),

-- A mistyped ID number, and what follows from it, stands behind any valid one.
precedences as (
    select
        *,
        if(id_number_is_valid, '0', '1') || precedence as id_precedence
    from records
),

-- min_by passes over records that leave the attribute empty.
merged as (
    select
        legal_entity_code,
        customer_id,
        min_by(customer_type, precedence) as customer_type,
        min_by(core_customer_id, precedence) as core_customer_id,
        min_by(name_key, precedence) as name_key,
        coalesce(min_by(public_name, precedence), min_by(name_masked, precedence)) as name_masked,
        min_by(phone_key, precedence) as phone_key,
        min_by(phone_masked, precedence) as phone_masked,
        min_by(id_number_key, id_precedence) as id_number_key,
        min_by(id_number_masked, id_precedence) as id_number_masked,
        min_by(gender, id_precedence) as gender,
        min_by(birth_date, id_precedence) as birth_date,
        min_by(village_code, precedence) as village_code,
        min_by(employer_credit_code, precedence) as employer_credit_code,
        min_by(credit_code, precedence) as credit_code,
        coalesce(bool_or(is_staff), false) as is_core_staff,
        coalesce(bool_or(is_deceased), false) as is_deceased,
        case max(case risk_list when 'black' then 2 when 'grey' then 1 else 0 end)
            when 2 then 'black'
            when 1 then 'grey'
            else 'none'
        end as risk_list,
        min(open_date) as open_date,
        min_by(branch_code, precedence) as branch_code,
        -- the leading core number's own manager: another number's manager must not step in
        min_by(if(core_customer_id is null, null, coalesce(manager_id, '')), precedence) as manager_id,
        count(core_customer_id) as core_record_count
    from precedences
    group by legal_entity_code, customer_id
),

staff as (
    select distinct
        legal_entity_code,
        id_number_key
    from employees
    where id_number_key is not null
)

select
    merged.legal_entity_code,
    merged.customer_id,
    merged.customer_type,
    merged.core_customer_id,
    merged.core_customer_id is not null as is_bank_customer,
    merged.core_record_count,
    merged.name_key,
    merged.name_masked,
    merged.phone_key,
    merged.phone_masked,
    merged.id_number_key,
    merged.id_number_masked,
    merged.gender,
    merged.birth_date,
    cast(date_part('year', age({{ business_date() }}, merged.birth_date)) as integer) as age,
    merged.village_code,
    merged.employer_credit_code,
    merged.credit_code,
    merged.is_core_staff or staff.id_number_key is not null as is_staff,
    merged.is_deceased,
    merged.risk_list,
    merged.open_date,
    merged.branch_code,
    nullif(merged.manager_id, '') as manager_id
from merged
left join staff
    on
        merged.legal_entity_code = staff.legal_entity_code
        and merged.id_number_key = staff.id_number_key
