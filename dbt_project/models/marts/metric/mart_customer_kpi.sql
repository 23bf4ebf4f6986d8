with

customers as (
    select * from {{ ref('int_metric__base') }}
    where is_bank_customer or is_credited or first_credit_date is not null
),

members as (
    select * from {{ ref('int_metric__dimension') }}
)

select
    customers.legal_entity_code,
    customers.business_date,
    customers.customer_id,
    customers.core_customer_id,
    customers.name_masked,
    customers.customer_type,
    customers.is_bank_customer,
    customers.branch_code,
    branches.dimension_name as branch_name,
    customers.market_type,
    customers.town_code,
    customers.town_name,
    customers.primary_grid_id,
    customers.primary_grid_name,
    customers.segment_code,
    customers.segment_name,
    customers.manager_id,
    customers.manager_code,
    managers.dimension_name as manager_name,
    customers.open_date,
    customers.is_filed,
    customers.is_evaluated,
    customers.is_main_entity,
    customers.is_whitelisted,
    customers.is_credited,
    customers.first_credit_date,
    customers.is_drawn,
    customers.first_draw_date,
    customers.is_effectively_drawn,
    customers.credit_channel,
    customers.credit_limit,
    customers.standing_limit,
    customers.outstanding,
    customers.overdue_amount,
    customers.deposit_balance,
    customers.settlement_balance,
    customers.pure_balance,
    customers.margin_balance,
    customers.savings_balance,
    customers.aum,
    customers.has_merchant,
    customers.has_payroll,
    customers.has_basic_account,
    customers.has_bill_discount,
    customers.has_international_settlement,
    customers.has_cash_management,
    customers.has_credit_card,
    customers.portfolio_class
from customers
left join members as branches
    on
        customers.legal_entity_code = branches.legal_entity_code
        and branches.dimension = 'branch'
        and customers.branch_code = branches.dimension_value
left join members as managers
    on
        customers.legal_entity_code = managers.legal_entity_code
        and managers.dimension = 'manager'
        and customers.manager_code = managers.dimension_value
