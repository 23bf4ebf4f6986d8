with

features as (
    select * from {{ ref('int_customer__features') }}
)

select
    legal_entity_code,
    customer_id,
    core_customer_id,
    coalesce(core_customer_id, customer_id) || coalesce(' ' || name_masked, '') as customer_title,
    customer_type,
    is_bank_customer,
    name_masked,
    name_key,
    phone_masked,
    phone_key,
    id_number_masked,
    id_number_key,
    gender,
    age,
    open_date,
    branch_code,
    manager_id,
    village_code,
    village_name,
    town_code,
    town_name,
    market_type,
    primary_grid_id,
    primary_grid_name,
    segment_code,
    segment_name,
    industry_code,
    industry_name,
    entity_type,
    household_id
from features
