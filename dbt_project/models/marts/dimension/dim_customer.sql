with

features as (
    select * from {{ ref('int_customer__features') }}
),

edges as (
    select * from {{ ref('int_relation__edge') }}
),

related as (
    select
        legal_entity_code,
        unnest([from_customer_id, to_customer_id]) as customer_id
    from edges
),

counted as (
    select
        legal_entity_code,
        customer_id,
        count(*) as relation_count
    from related
    group by legal_entity_code, customer_id
)

select
    features.legal_entity_code,
    features.customer_id,
    features.core_customer_id,
    coalesce(features.core_customer_id, features.customer_id) || coalesce(' ' || features.name_masked, '')
        as customer_title,
    features.customer_type,
    features.is_bank_customer,
    features.name_masked,
    features.name_key,
    features.phone_masked,
    features.phone_key,
    features.id_number_masked,
    features.id_number_key,
    features.gender,
    features.age,
    features.open_date,
    features.branch_code,
    features.manager_id,
    features.village_code,
    features.village_name,
    features.town_code,
    features.town_name,
    features.market_type,
    features.primary_grid_id,
    features.primary_grid_name,
    features.segment_code,
    features.segment_name,
    features.industry_code,
    features.industry_name,
    features.entity_type,
    features.household_id,
    coalesce(counted.relation_count, 0) as relation_count
from features
left join counted
    on
        features.legal_entity_code = counted.legal_entity_code
        and features.customer_id = counted.customer_id
