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

-- A day counts at most the threshold's share of the limit: one day of the whole limit is one day, not ten.
counted as (
    select
        balances.legal_entity_code,
        balances.credit_line_id,
        credit_lines.customer_id,
        credit_lines.product_code,
        credit_lines.channel,
        balances.from_date,
        balances.balance,
        balances.to_date - balances.from_date as day_count,
        least(balances.balance, {{ var('effective_draw_limit_share') }} * credit_lines.limit_amount) as counted_balance,
        {{ var('effective_draw_days') }} * {{ var('effective_draw_limit_share') }} * credit_lines.limit_amount
            as threshold
    from balances
    inner join credit_lines
        on
            balances.legal_entity_code = credit_lines.legal_entity_code
            and balances.credit_line_id = credit_lines.credit_line_id
),

balance_days as (
    select
        *,
        counted_balance * day_count as balance_days,
        sum(counted_balance * day_count) over (
            partition by legal_entity_code, credit_line_id order by from_date
        ) as balance_days_to_date
    from counted
),

crossings as (
    select
        legal_entity_code,
        credit_line_id,
        customer_id,
        product_code,
        channel,
        balance,
        -- The day at whose end the threshold is met.
        from_date + cast(
            ceil((threshold - (balance_days_to_date - balance_days)) / counted_balance) as integer
        ) - 1 as effective_date
    from balance_days
    where
        counted_balance > 0
        and balance_days_to_date >= threshold
        and balance_days_to_date - balance_days < threshold
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
