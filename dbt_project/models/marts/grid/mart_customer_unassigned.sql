with

unassigned as (
    select * from {{ ref('int_customer_grid__unassigned') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
)

select
    features.legal_entity_code,
    features.business_date,
    features.customer_id,
    features.core_customer_id,
    features.customer_type,
    features.name_masked,
    features.branch_code,
    branches.branch_name,
    features.manager_id,
    features.village_code,
    features.village_name,
    features.town_name,
    unassigned.reason_code,
    features.is_bank_customer,
    features.is_filed,
    features.is_credited,
    features.is_drawn,
    features.deposit_balance,
    features.outstanding
from unassigned
inner join features
    on
        unassigned.legal_entity_code = features.legal_entity_code
        and unassigned.customer_id = features.customer_id
left join branches
    on
        features.legal_entity_code = branches.legal_entity_code
        and features.branch_code = branches.branch_code
