with

features as (
    select * from {{ ref('int_customer__features') }}
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

-- Of the lines that make a customer credited: in force, or with a loan still outstanding.
effectively_drawn as (
    select distinct
        effective_draws.legal_entity_code,
        effective_draws.customer_id
    from effective_draws
    inner join credit_lines
        on
            effective_draws.legal_entity_code = credit_lines.legal_entity_code
            and effective_draws.credit_line_id = credit_lines.credit_line_id
    left join loans
        on
            effective_draws.legal_entity_code = loans.legal_entity_code
            and effective_draws.credit_line_id = loans.credit_line_id
    where credit_lines.is_in_force or loans.loan_id is not null
)

select
    features.legal_entity_code,
    features.customer_id,
    features.customer_type,
    features.is_bank_customer,
    features.branch_code,
    features.market_type,
    features.town_code,
    features.town_name,
    features.segment_code,
    features.segment_name,
    features.manager_id,
    features.open_date,
    features.is_filed,
    features.is_evaluated,
    -- S2: the evaluated 种养大户, 个体工商户 and 涉农小微企业主, of whom 34.52 % had drawn.
    features.is_evaluated and features.entity_type is not null as is_main_entity,
    features.is_whitelisted,
    features.is_credited,
    features.is_drawn,
    features.is_drawn and effectively_drawn.customer_id is not null as is_effectively_drawn,
    features.credit_channel,
    features.credit_limit,
    features.outstanding,
    features.deposit_balance,
    -- S3: 线下授信 25, 线上授信 30, 非授信 50; a customer is in one class only.
    case
        when features.is_credited and features.credit_channel = 'online' then 'online_credit'
        when features.is_credited then 'offline_credit'
        else 'non_credit'
    end as portfolio_class
from features
left join effectively_drawn
    on
        features.legal_entity_code = effectively_drawn.legal_entity_code
        and features.customer_id = effectively_drawn.customer_id
