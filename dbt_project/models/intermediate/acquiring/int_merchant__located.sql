with

merchants as (
    select * from {{ ref('stg_acquiring__merchant') }}
    where signed_date <= {{ business_date() }}
),

terminals as (
    select * from {{ ref('stg_acquiring__terminal') }}
    where status = 'active' and installed_date <= {{ business_date() }}
),

merchant_days as (
    select * from {{ ref('int_merchant_day__aggregated') }}
    where business_date <= {{ business_date() }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
    where latitude is not null and longitude is not null
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

turnover as (
    select
        legal_entity_code,
        merchant_id,
        sum(amount) as amount_90d,
        sum(transaction_count) as count_90d
    from merchant_days
    where {{ within_days('transaction_date', 90) }}
    group by legal_entity_code, merchant_id
),

pos_merchants as (
    select distinct
        legal_entity_code,
        merchant_id
    from terminals
    where terminal_type = 'pos'
),

nearest as (
    select
        merchants.legal_entity_code,
        merchants.merchant_id,
        min({{ great_circle_km(
            'merchants.latitude', 'merchants.longitude', 'branches.latitude', 'branches.longitude'
        ) }}) as distance_km
    from merchants
    inner join branches on merchants.legal_entity_code = branches.legal_entity_code
    where merchants.latitude is not null and merchants.longitude is not null
    group by merchants.legal_entity_code, merchants.merchant_id
)

select
    merchants.legal_entity_code,
    merchants.merchant_id,
    merchants.merchant_name,
    -- settlement customer, else the registered business, else its legal person
    coalesce(identity.customer_id, businesses.customer_id, legal_persons.customer_id) as customer_id,
    merchants.mcc,
    merchants.market_code,
    merchants.village_code,
    merchants.branch_code,
    merchants.latitude,
    merchants.longitude,
    merchants.signed_date,
    merchants.status,
    merchants.status = 'active' as is_open,
    pos_merchants.merchant_id is not null as has_pos,
    nearest.distance_km,
    coalesce(turnover.amount_90d, 0) as amount_90d,
    coalesce(turnover.count_90d, 0) as count_90d
from merchants
left join identity
    on
        merchants.legal_entity_code = identity.legal_entity_code
        and merchants.customer_id = identity.source_key
left join customers as businesses
    on
        merchants.legal_entity_code = businesses.legal_entity_code
        and {{ enterprise_id('merchants.credit_code') }} = businesses.customer_id
left join customers as legal_persons
    on
        merchants.legal_entity_code = legal_persons.legal_entity_code
        and merchants.legal_person_id_number_is_valid
        and {{ person_id('merchants.legal_person_id_number_key') }} = legal_persons.customer_id
left join pos_merchants
    on
        merchants.legal_entity_code = pos_merchants.legal_entity_code
        and merchants.merchant_id = pos_merchants.merchant_id
left join nearest
    on
        merchants.legal_entity_code = nearest.legal_entity_code
        and merchants.merchant_id = nearest.merchant_id
left join turnover
    on
        merchants.legal_entity_code = turnover.legal_entity_code
        and merchants.merchant_id = turnover.merchant_id
