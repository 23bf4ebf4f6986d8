with

dormant as (
    select * from {{ ref('int_dormant_credit__assessed') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

measured as (
    select * from {{ ref('int_metric__base') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

members as (
    select * from {{ ref('int_funnel__dimension') }}
)

select
    {{ business_date() }} as business_date,
    dormant.legal_entity_code,
    dormant.customer_id,
    features.core_customer_id,
    features.name_masked,
    features.customer_type,
    features.entity_type,
    measured.is_main_entity,
    dormant.is_signed,
    dormant.credit_limit,
    dormant.approved_date,
    dormant.signed_date,
    dormant.dormant_days,
    case
        when dormant.dormant_days <= 30 then '30天以内'
        when dormant.dormant_days <= 90 then '31至90天'
        when dormant.dormant_days <= 180 then '91至180天'
        when dormant.dormant_days <= 365 then '181至365天'
        else '一年以上'
    end as dormant_band_name,
    dormant.expiry_date,
    dormant.days_left,
    dormant.channel,
    products.dimension_name as product_name,
    dormant.deposit_balance,
    dormant.last_contact_date,
    coalesce(dormant.last_contact_outcome, 'never') as last_contact_outcome,
    coalesce(lists.dimension_name, dormant.last_contact_list_code) as last_contact_list_name,
    dormant.last_visit_date,
    coalesce(dormant.last_visit_outcome, 'never') as last_visit_outcome,
    dormant.reason_order,
    dormant.reason_name,
    dormant.next_action,
    dormant.talking_point,
    features.branch_code,
    branches.branch_name,
    features.manager_id,
    managers.manager_name,
    features.primary_grid_name as grid_name,
    features.market_type
from dormant
inner join features
    on
        dormant.legal_entity_code = features.legal_entity_code
        and dormant.customer_id = features.customer_id
inner join measured
    on
        dormant.legal_entity_code = measured.legal_entity_code
        and dormant.customer_id = measured.customer_id
left join branches
    on
        features.legal_entity_code = branches.legal_entity_code
        and features.branch_code = branches.branch_code
left join managers
    on
        features.legal_entity_code = managers.legal_entity_code
        and features.manager_id = managers.manager_id
left join members as products
    on
        dormant.legal_entity_code = products.legal_entity_code
        and dormant.product_code = products.dimension_value
        and products.dimension = 'product'
left join members as lists
    on
        dormant.legal_entity_code = lists.legal_entity_code
        and dormant.last_contact_list_code = lists.dimension_value
        and lists.dimension = 'list'
