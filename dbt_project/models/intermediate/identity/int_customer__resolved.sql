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

-- What each record says of its customer. `precedence` orders the records of a customer: core first (active, then
-- the earliest opened), then roster, card, registry, merchant, whitelist. Contributions, benefits and the housing
-- fund say no more of a person than these, and make nobody a customer.
records as (
    select
        legal_entity_code,
        'core.customer' as source_table,
        customer_id as source_key,
        '1' || if(status = 'active', '0', '1') || open_date || customer_id as precedence,
        customer_type,
        customer_id as core_customer_id,
        phone_key,
        phone_masked,
        village_code,
        employer_credit_code,
        credit_code,
        is_staff,
        is_deceased,
        risk_list,
        status,
        open_date,
        branch_code,
        manager_id,
        {{ described_person() }},
        gender as stated_gender,
        birth_date as stated_birth_date
    from core_customers
    union all by name
    select
        legal_entity_code,
        'credit.village_roster' as source_table,
        {{ roster_record_key() }} as source_key,
        '2' || {{ roster_record_key() }} as precedence,
        'person' as customer_type,
        phone_key,
        phone_masked,
        village_code,
        {{ described_person() }}
    from roster
    union all by name
    select
        legal_entity_code,
        'social_security.card_holder' as source_table,
        card_number_key as source_key,
        '3' || card_number_key as precedence,
        'person' as customer_type,
        phone_key,
        phone_masked,
        village_code,
        {{ described_person() }}
    from own_cards
    {%- for source_table, relation, key, name, place in [
        ('external.business_registry', 'registry', 'credit_code', 'entity_name', '4'),
        ('acquiring.merchant', 'merchants', 'merchant_id', 'merchant_name', '5'),
    ] %}
    union all by name
    -- the registered name of a business is public, so it is shown in full, not core's masked one
    select
        legal_entity_code,
        '{{ source_table }}' as source_table,
        {{ key }} as source_key,
        '{{ place }}' || {{ key }} as precedence,
        'enterprise' as customer_type,
        {{ name }} as public_name,
        legal_person_phone_key as phone_key,
        legal_person_phone_masked as phone_masked,
        village_code,
        credit_code
    from {{ relation }}
    union all by name
    select
        legal_entity_code,
        '{{ source_table }}.legal_person' as source_table,
        {{ key }} as source_key,
        '{{ place }}' || {{ key }} as precedence,
        'person' as customer_type,
        legal_person_phone_key as phone_key,
        legal_person_phone_masked as phone_masked,
        {{ described_person("legal_person_") }}
    from {{ relation }}
    {%- endfor %}
    union all by name
    select
        legal_entity_code,
        'credit.whitelist' as source_table,
        {{ whitelist_record_key() }} as source_key,
        '6' || {{ whitelist_record_key() }} as precedence,
        'person' as customer_type,
        village_code,
        {{ described_person() }}
    from whitelist
),

-- A mistyped ID number, and what follows from it, stands behind any valid one.
precedences as (
    select
        identity.customer_id,
        records.*,
        coalesce(records.stated_gender, records.id_number_gender) as gender,
        coalesce(records.stated_birth_date, records.id_number_birth_date) as birth_date,
        if(records.id_number_is_valid, '0', '1') || records.precedence as id_precedence
    from records
    inner join identity
        on
            records.legal_entity_code = identity.legal_entity_code
            and records.source_table = identity.source_table
            and records.source_key = identity.source_key
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
        count(core_customer_id) as core_record_count,
        count(core_customer_id) filter (where status is distinct from 'closed') > 0 as is_bank_customer
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
    merged.is_bank_customer,
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
