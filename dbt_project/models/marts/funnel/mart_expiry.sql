with

expiries as (
    select * from {{ ref('int_expiry__collected') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
)

select
    {{ business_date() }} as business_date,
    expiries.legal_entity_code,
    expiries.customer_id,
    features.core_customer_id,
    features.name_masked,
    expiries.expiry_kind,
    expiries.last_date,
    cast(date_trunc('week', expiries.last_date) as date) as last_week,
    expiries.days_left,
    expiries.items,
    expiries.amount,
    features.branch_code,
    branches.branch_name,
    features.manager_id,
    managers.manager_name,
    features.primary_grid_name as grid_name,
    features.market_type
from expiries
inner join features
    on
        expiries.legal_entity_code = features.legal_entity_code
        and expiries.customer_id = features.customer_id
left join branches
    on
        features.legal_entity_code = branches.legal_entity_code
        and features.branch_code = branches.branch_code
left join managers
    on
        features.legal_entity_code = managers.legal_entity_code
        and features.manager_id = managers.manager_id
