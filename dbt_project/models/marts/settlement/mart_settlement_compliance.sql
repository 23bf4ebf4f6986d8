with

settlements as (
    select * from {{ ref('int_settlement__assessed') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
    where rule_code = 'settlement_requirement'
)

select
    settlements.legal_entity_code,
    {{ business_date() }} as business_date,
    settlements.customer_id,
    features.core_customer_id,
    features.name_masked,
    features.customer_type,
    coalesce(managers.branch_code, features.branch_code) as branch_code,
    branches.branch_name,
    features.manager_id,
    coalesce(managers.manager_name, '未指定') as manager_name,
    settlements.own_loans,
    settlements.other_bank_loans,
    settlements.other_bank_count,
    settlements.is_sole_lender,
    settlements.is_largest_lender,
    settlements.loan_share,
    settlements.check_date,
    settlements.annual_turnover,
    settlements.settled_year,
    settlements.settlement_share,
    settlements.monthly_settlement_count,
    settlements.binding_rule,
    coalesce(rule_rows.row_name, '无贷后检查') as requirement_name,
    coalesce(rule_rows.requirement, '先做贷后检查,核实营业收入与他行贷款') as requirement,
    rule_rows.action,
    rule_rows.products,
    rule_rows.source as rule_source,
    settlements.required_share,
    settlements.settlement_status
from settlements
inner join features
    on
        settlements.legal_entity_code = features.legal_entity_code
        and settlements.customer_id = features.customer_id
left join managers
    on
        features.legal_entity_code = managers.legal_entity_code
        and features.manager_id = managers.manager_id
left join branches
    on
        features.legal_entity_code = branches.legal_entity_code
        and coalesce(managers.branch_code, features.branch_code) = branches.branch_code
left join rule_rows
    on
        settlements.legal_entity_code = rule_rows.legal_entity_code
        and settlements.binding_rule = rule_rows.rule_row
