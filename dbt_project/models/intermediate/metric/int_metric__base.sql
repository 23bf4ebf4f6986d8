with

features as (
    select * from {{ ref('int_customer__features') }}
),

employees as (
    select * from {{ ref('stg_core__employee') }}
),

effective_draws as (
    select * from {{ ref('int_funnel__effective_draw') }}
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

loans as (
    select * from {{ ref('int_loan__assessed') }}
    where outstanding > 0
),

-- What makes a customer credited: in force, or with a loan still outstanding.
unpaid_lines as (
    select distinct
        legal_entity_code,
        credit_line_id
    from loans
),

standing_lines as (
    select credit_lines.*
    from credit_lines
    left join unpaid_lines
        on
            credit_lines.legal_entity_code = unpaid_lines.legal_entity_code
            and credit_lines.credit_line_id = unpaid_lines.credit_line_id
    where credit_lines.is_in_force or unpaid_lines.credit_line_id is not null
),

standing_limits as (
    select
        legal_entity_code,
        customer_id,
        sum(limit_amount) as standing_limit
    from standing_lines
    group by legal_entity_code, customer_id
),

effectively_drawn as (
    select distinct
        effective_draws.legal_entity_code,
        effective_draws.customer_id
    from effective_draws
    inner join standing_lines
        on
            effective_draws.legal_entity_code = standing_lines.legal_entity_code
            and effective_draws.credit_line_id = standing_lines.credit_line_id
),

first_credits as (
    select
        legal_entity_code,
        customer_id,
        min(signed_date) as first_credit_date
    from credit_lines
    where is_signed
    group by legal_entity_code, customer_id
),

overdue as (
    select
        legal_entity_code,
        customer_id,
        sum(outstanding) as overdue_amount
    from loans
    where is_overdue
    group by legal_entity_code, customer_id
),

placed as (
    select
        features.*,
        employees.employee_id as kpi_manager_id,
        -- A manager has one branch, so a managed customer counts there and nowhere else.
        if(employees.employee_id is null, features.branch_code, employees.branch_code) as kpi_branch_code
    from features
    left join employees
        on
            features.legal_entity_code = employees.legal_entity_code
            and features.manager_id = employees.employee_id
)

select
    placed.legal_entity_code,
    {{ business_date() }} as business_date,
    placed.customer_id,
    placed.core_customer_id,
    placed.name_masked,
    placed.customer_type,
    placed.is_bank_customer,
    {{ kpi_branch_code('placed.kpi_branch_code') }} as branch_code,
    placed.kpi_manager_id as manager_id,
    {{ kpi_manager_code('placed.kpi_manager_id', 'placed.kpi_branch_code') }} as manager_code,
    placed.market_type,
    placed.town_code,
    placed.town_name,
    placed.primary_grid_id,
    placed.primary_grid_name,
    placed.segment_code,
    placed.segment_name,
    placed.open_date,
    placed.is_filed,
    placed.is_evaluated,
    -- S2: the evaluated 种养大户, 个体工商户 and 涉农小微企业主, of whom 34.52 % had drawn.
    placed.is_evaluated and placed.entity_type is not null as is_main_entity,
    placed.is_whitelisted,
    placed.is_credited,
    first_credits.first_credit_date,
    placed.is_drawn,
    placed.first_draw_date,
    placed.is_drawn and effectively_drawn.customer_id is not null as is_effectively_drawn,
    placed.credit_channel,
    placed.credit_limit,
    cast(coalesce(standing_limits.standing_limit, 0) as decimal(18, 2)) as standing_limit,
    placed.outstanding,
    cast(coalesce(overdue.overdue_amount, 0) as decimal(18, 2)) as overdue_amount,
    placed.deposit_balance,
    placed.settlement_balance,
    placed.pure_balance,
    placed.margin_balance,
    placed.savings_balance,
    placed.aum,
    placed.merchant_id is not null as has_merchant,
    placed.has_payroll,
    placed.has_basic_account,
    placed.has_bill_discount,
    placed.has_international_settlement,
    placed.has_cash_management,
    placed.has_credit_card,
    -- S3: 线下授信 25, 线上授信 30, 非授信 50; a customer is in one class only.
    case
        when placed.is_credited and placed.credit_channel = 'online' then 'online_credit'
        when placed.is_credited then 'offline_credit'
        else 'non_credit'
    end as portfolio_class
from placed
left join effectively_drawn
    on
        placed.legal_entity_code = effectively_drawn.legal_entity_code
        and placed.customer_id = effectively_drawn.customer_id
left join standing_limits
    on
        placed.legal_entity_code = standing_limits.legal_entity_code
        and placed.customer_id = standing_limits.customer_id
left join first_credits
    on
        placed.legal_entity_code = first_credits.legal_entity_code
        and placed.customer_id = first_credits.customer_id
left join overdue
    on
        placed.legal_entity_code = overdue.legal_entity_code
        and placed.customer_id = overdue.customer_id
