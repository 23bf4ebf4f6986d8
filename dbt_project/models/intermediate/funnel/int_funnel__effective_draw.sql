{#- Balances are those at the end of the day, so a loan repaid on the day it was drawn adds nothing. -#}
with

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

loans as (
    select * from {{ ref('int_loan__assessed') }}
),

repayments as (
    select * from {{ ref('stg_credit__repayment') }}
    where repayment_date <= {{ business_date() }}
),

principal_repaid as (
    select
        legal_entity_code,
        loan_id,
        sum(principal) as principal
    from repayments
    group by legal_entity_code, loan_id
),

movements as (
    select
        legal_entity_code,
        credit_line_id,
        disbursed_date as movement_date,
        loan_amount as amount
    from loans
    union all
    select
        loans.legal_entity_code,
        loans.credit_line_id,
        repayments.repayment_date as movement_date,
        -repayments.principal as amount
    from repayments
    inner join loans
        on
            repayments.legal_entity_code = loans.legal_entity_code
            and repayments.loan_id = loans.loan_id
    union all
    -- What the repayments do not explain goes on the day the note was settled.
    select
        loans.legal_entity_code,
        loans.credit_line_id,
        loans.settled_date as movement_date,
        coalesce(principal_repaid.principal, 0) - loans.loan_amount as amount
    from loans
    left join principal_repaid
        on
            loans.legal_entity_code = principal_repaid.legal_entity_code
            and loans.loan_id = principal_repaid.loan_id
    where loans.settled_date <= {{ business_date() }}
),

daily_movements as (
    select
        legal_entity_code,
        credit_line_id,
        movement_date,
        sum(amount) as amount
    from movements
    group by legal_entity_code, credit_line_id, movement_date
),

balances as (
    select
        legal_entity_code,
        credit_line_id,
        movement_date as from_date,
        sum(amount) over (
            partition by legal_entity_code, credit_line_id order by movement_date
        ) as balance,
        lead(movement_date, 1, {{ business_date() }} + 1) over (
            partition by legal_entity_code, credit_line_id order by movement_date
        ) as to_date
    from daily_movements
),

balance_days as (
    select
        legal_entity_code,
        credit_line_id,
        from_date,
        balance,
        balance * (to_date - from_date) as balance_days,
        sum(balance * (to_date - from_date)) over (
            partition by legal_entity_code, credit_line_id order by from_date
        ) as balance_days_to_date
    from balances
),

thresholds as (
    select
        legal_entity_code,
        credit_line_id,
        customer_id,
        product_code,
        channel,
        {{ var('effective_draw_days') }} * {{ var('effective_draw_limit_share') }} * limit_amount as threshold
    from credit_lines
),

crossings as (
    select
        balance_days.legal_entity_code,
        balance_days.credit_line_id,
        thresholds.customer_id,
        thresholds.product_code,
        thresholds.channel,
        balance_days.balance,
        -- The day at whose end the threshold is met.
        balance_days.from_date + cast(
            ceil(
                (thresholds.threshold - (balance_days.balance_days_to_date - balance_days.balance_days))
                / balance_days.balance
            ) as integer
        ) - 1 as effective_date
    from balance_days
    inner join thresholds
        on
            balance_days.legal_entity_code = thresholds.legal_entity_code
            and balance_days.credit_line_id = thresholds.credit_line_id
    where
        balance_days.balance > 0
        and balance_days.balance_days_to_date >= thresholds.threshold
        and balance_days.balance_days_to_date - balance_days.balance_days < thresholds.threshold
)

select
    legal_entity_code,
    credit_line_id,
    customer_id,
    product_code,
    channel,
    effective_date,
    cast(balance as decimal(18, 2)) as balance
from crossings
qualify row_number() over (
    partition by legal_entity_code, credit_line_id order by effective_date
) = 1
