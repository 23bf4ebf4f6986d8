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

-- Of the monthly tables one record per ID number, with the latest name.
benefits as (
    select * from {{ ref('stg_social_security__benefit_payment') }}
    where benefit_month <= {{ business_date() }}
    qualify row_number() over (
        partition by legal_entity_code, id_number_key order by benefit_month desc, benefit_type asc
    ) = 1
),

contributions as (
    select * from {{ ref('stg_social_security__contribution') }}
    where contribution_month <= {{ business_date() }}
    qualify row_number() over (
        partition by legal_entity_code, id_number_key order by contribution_month desc
    ) = 1
),

housing_fund as (
    select funds.*
    from {{ ref('stg_external__housing_fund') }} as funds
    where funds.fund_month <= {{ business_date() }} and {{ basis_holds('funds') }}
    qualify row_number() over (
        partition by funds.legal_entity_code, funds.id_number_key order by funds.fund_month desc
    ) = 1
),

registry as (
    select *
    from {{ ref('stg_external__business_registry') }} as registry
    where {{ basis_holds('registry') }}
),

merchants as (
    select * from {{ ref('stg_acquiring__merchant') }}
    where signed_date <= {{ business_date() }}
),

records as (
    select
        legal_entity_code,
        'core.customer' as source_table,
        1 as precedence,
        customer_id as source_key,
        customer_type,
        case when customer_type = 'enterprise' then credit_code end as credit_code,
        phone_key,
        phone_masked,
        village_code,
        birth_date as stated_birth_date,
        'C' || customer_id as own_id,
        {{ compared_columns() }}
    from core_customers
    union all by name
    select
        legal_entity_code,
        'credit.village_roster' as source_table,
        2 as precedence,
        {{ roster_record_key() }} as source_key,
        'person' as customer_type,
        phone_key,
        phone_masked,
        village_code,
        {{ unlinked_id("village_code || household_no || member_no") }} as own_id,
        {{ compared_columns() }}
    from roster
    union all by name
    select
        legal_entity_code,
        'social_security.card_holder' as source_table,
        3 as precedence,
        card_number_key as source_key,
        'person' as customer_type,
        phone_key,
        phone_masked,
        village_code,
        {{ unlinked_id("card_number_key") }} as own_id,
        {{ compared_columns() }}
    from own_cards
    union all by name
    select
        legal_entity_code,
        'external.business_registry' as source_table,
        4 as precedence,
        credit_code as source_key,
        'enterprise' as customer_type,
        credit_code,
        village_code,
        {{ unlinked_id("credit_code") }} as own_id
    from registry
    union all by name
    select
        legal_entity_code,
        'external.business_registry.legal_person' as source_table,
        4 as precedence,
        credit_code as source_key,
        'person' as customer_type,
        legal_person_phone_key as phone_key,
        legal_person_phone_masked as phone_masked,
        {{ unlinked_id("'legal_person' || credit_code") }} as own_id,
        {{ compared_columns("legal_person_") }}
    from registry
    where legal_person_name_key is not null
    union all by name
    select
        legal_entity_code,
        'acquiring.merchant' as source_table,
        5 as precedence,
        merchant_id as source_key,
        'enterprise' as customer_type,
        credit_code,
        village_code,
        {{ unlinked_id("'merchant' || merchant_id") }} as own_id
    from merchants
    where credit_code is not null
    union all by name
    select
        legal_entity_code,
        'acquiring.merchant.legal_person' as source_table,
        5 as precedence,
        merchant_id as source_key,
        'person' as customer_type,
        legal_person_phone_key as phone_key,
        legal_person_phone_masked as phone_masked,
        {{ unlinked_id("'merchant_legal_person' || merchant_id") }} as own_id,
        {{ compared_columns("legal_person_") }}
    from merchants
    where legal_person_name_key is not null
    union all by name
    select
        legal_entity_code,
        'credit.whitelist' as source_table,
        6 as precedence,
        {{ whitelist_record_key() }} as source_key,
        'person' as customer_type,
        village_code,
        {{ unlinked_id("id_number_key") }} as own_id,
        {{ compared_columns() }}
    from whitelist
    union all by name
    select
        legal_entity_code,
        'social_security.contribution' as source_table,
        7 as precedence,
        id_number_key as source_key,
        'person' as customer_type,
        {{ unlinked_id("'contribution' || id_number_key") }} as own_id,
        {{ compared_columns() }}
    from contributions
    union all by name
    select
        legal_entity_code,
        'social_security.benefit_payment' as source_table,
        7 as precedence,
        id_number_key as source_key,
        'person' as customer_type,
        {{ unlinked_id("'benefit_payment' || id_number_key") }} as own_id,
        {{ compared_columns() }}
    from benefits
    union all by name
    select
        legal_entity_code,
        'external.housing_fund' as source_table,
        7 as precedence,
        id_number_key as source_key,
        'person' as customer_type,
        {{ unlinked_id("'housing_fund' || id_number_key") }} as own_id,
        {{ compared_columns() }}
    from housing_fund
)

select
    legal_entity_code,
    source_table,
    source_key,
    precedence,
    customer_type,
    own_id,
    case
        when credit_code is not null then {{ enterprise_id('credit_code') }}
        when has_valid_id then {{ person_id('id_number_key') }}
    end as carried_id,
    name_key,
    sound_key,
    shape_key,
    letters_key,
    name_masked,
    id_number_key,
    id_number_masked,
    has_readable_id,
    repair_keys,
    -- what core itself says of the birth comes before the digits of a doubtful number
    if(has_valid_id, birth_date, coalesce(stated_birth_date, birth_date)) as birth_date,
    phone_key,
    phone_masked,
    village_code
from records
