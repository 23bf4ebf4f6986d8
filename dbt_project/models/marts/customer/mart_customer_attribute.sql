{{ config(materialized='view') }}

{#- What the page 客户360 shows of a customer, section by section; labels come from the models' YAML. -#}
{%- set shown = [
    ('基本信息', 'profile', 'mart_customer_360', [
        'customer_type', 'gender', 'age', 'open_date', 'branch_name', 'manager_name', 'market_type', 'town_name',
        'village_name', 'primary_grid_name', 'segment_name', 'industry_name', 'special_industry_name',
        'association_name', 'entity_type', 'employer_category', 'risk_list', 'last_contacted_date',
    ]),
    ('产品与余额', 'profile', 'mart_customer_360', [
        'aum', 'deposit_balance', 'settlement_balance', 'savings_balance', 'wealth_balance', 'account_count',
        'product_count', 'has_mobile_bank', 'has_payroll', 'has_credit_card', 'has_basic_account', 'card_status',
        'inflow_90d', 'outflow_90d', 'merchant_amount_90d',
    ]),
    ('信贷', 'profile', 'mart_customer_360', [
        'evaluation', 'evaluated_date', 'whitelist_limit', 'whitelist_expiry', 'credit_limit', 'credit_expiry',
        'outstanding', 'loan_maturity_date', 'is_overdue', 'worst_five_class', 'is_settled_good',
    ]),
    ('户', 'household', 'dim_household', [
        'household_id', 'persons', 'bank_customers', 'evaluated_members', 'whitelisted_members', 'credited_members',
        'drawn_members', 'deposits', 'outstanding', 'whitelist_limit', 'credit_limit',
    ]),
    ('关系', 'customers', 'dim_customer', ['relation_count']),
] -%}
with

profiles as not materialized (
    select * from {{ ref('mart_customer_360').include(database=false) }}
),

households as not materialized (
    select * from {{ ref('dim_household').include(database=false) }}
),

customers as not materialized (
    select * from {{ ref('dim_customer').include(database=false) }}
),

listed as (
    select
        profile.legal_entity_code,
        profile.business_date,
        profile.customer_id,
        customers.customer_title,
        profile.branch_code,
        profile.manager_id,
        unnest([
            {%- for section, relation, model, names in shown %}
            {%- set section_order = loop.index %}
            {%- set last_section = loop.last %}
            {%- set columns = model_columns(model) %}
            {%- for name in names %}
            {%- set column = columns.get(name, {"label": name, "unit": none, "data_type": "varchar"}) %}
            {%- set value = relation ~ "." ~ name %}
            struct_pack(
                section_name := '{{ section }}',
                item_order := {{ section_order * 100 + loop.index }},
                item_code := '{{ "household_" ~ name if relation == "household" else name }}',
                item_name := {{ sql_text(column["label"]) }},
                item_value := {{ attribute_text(value, name, column) }},
                amount := cast({{ value if column["unit"] or name == "relation_count" else "null" }} as decimal(18, 2))
            ){{ "," if not (loop.last and last_section) }}
            {%- endfor %}
            {%- endfor %}
        ]) as item
    from profiles as profile
    left join households as household
        on
            profile.legal_entity_code = household.legal_entity_code
            and profile.household_id = household.household_id
    left join customers
        on
            profile.legal_entity_code = customers.legal_entity_code
            and profile.customer_id = customers.customer_id
)

select
    listed.legal_entity_code,
    listed.business_date,
    listed.customer_id,
    listed.customer_title,
    listed.item.section_name,
    listed.item.item_order,
    listed.item.item_code,
    listed.item.item_name,
    listed.item.item_value,
    listed.item.amount,
    listed.branch_code,
    listed.manager_id
from listed
where listed.item.item_value is not null
