{%- set parameters = rule('settlement_requirement').parameters -%}
with

loans as (
    select * from {{ ref('int_loan__assessed') }}
    where outstanding > 0
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

checks as (
    select * from {{ ref('stg_credit__post_loan_check') }}
    where
        check_date <= {{ business_date() }}
        and check_date > {{ business_date() }} - {{ parameters.check_days | default(365) }}
),

accounts as (
    select * from {{ ref('int_account__balanced') }}
),

account_days as (
    select * from {{ ref('int_account_day__aggregated') }}
    where business_date <= {{ business_date() }} and posting_date <= {{ business_date() }}
),

own_transfers as (
    select * from {{ ref('int_own_transfer__collected') }}
    where business_date <= {{ business_date() }} and {{ within_days('posting_date', 365) }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

features as (
    select * from {{ ref('int_customer__features') }}
),

average_rates as (
    select
        legal_entity_code,
        product_code,
        sum(annual_rate * outstanding) / sum(outstanding) as average_rate
    from loans
    where annual_rate is not null
    group by legal_entity_code, product_code
),

-- what the contract does not say follows from the average of the product
rated as (
    select
        loans.legal_entity_code,
        loans.customer_id,
        loans.product_code,
        loans.outstanding,
        coalesce(
            credit_lines.rate_type,
            if(loans.annual_rate < average_rates.average_rate, 'below_average', 'other')
        ) as rate_type
    from loans
    left join credit_lines
        on
            loans.legal_entity_code = credit_lines.legal_entity_code
            and loans.credit_line_id = credit_lines.credit_line_id
    left join average_rates
        on
            loans.legal_entity_code = average_rates.legal_entity_code
            and loans.product_code = average_rates.product_code
),

borrowers as (
    select
        legal_entity_code,
        customer_id,
        sum(outstanding) as own_loans,
        list_sort(list_distinct(list(product_code))) as loan_products,
        bool_or(rate_type = 'base') as has_base_rate_loan,
        bool_or(rate_type = 'below_average') as has_below_average_rate_loan,
        bool_or(rate_type = 'other') as has_other_loan
    from rated
    group by legal_entity_code, customer_id
),

checked as (
    select
        identity.legal_entity_code,
        identity.customer_id,
        max_by(checks.check_date, (checks.check_date, checks.check_id)) as check_date,
        max_by(checks.annual_turnover, (checks.check_date, checks.check_id)) as annual_turnover,
        max_by(checks.other_bank_loans, (checks.check_date, checks.check_id)) as other_bank_loans,
        max_by(checks.other_bank_count, (checks.check_date, checks.check_id)) as other_bank_count,
        max_by(
            coalesce(checks.largest_other_bank_loan, checks.other_bank_loans), (checks.check_date, checks.check_id)
        ) as largest_other_bank_loan
    from checks
    inner join identity
        on
            checks.legal_entity_code = identity.legal_entity_code
            and checks.customer_id = identity.source_key
    group by identity.legal_entity_code, identity.customer_id
),

history as (
    select
        legal_entity_code,
        min(posting_date) as first_posting_date
    from account_days
    group by legal_entity_code
),

borrower_accounts as (
    select
        accounts.legal_entity_code,
        accounts.account_id,
        accounts.customer_id,
        accounts.open_date
    from accounts
    inner join borrowers
        on
            accounts.legal_entity_code = borrowers.legal_entity_code
            and accounts.customer_id = borrowers.customer_id
),

observed as (
    select
        borrower_accounts.legal_entity_code,
        borrower_accounts.customer_id,
        least(
            365,
            {{ business_date() }}
            - greatest(min(borrower_accounts.open_date), any_value(history.first_posting_date)) + 1
        ) as observed_days
    from borrower_accounts
    inner join history on borrower_accounts.legal_entity_code = history.legal_entity_code
    group by borrower_accounts.legal_entity_code, borrower_accounts.customer_id
),

received as (
    select
        borrower_accounts.legal_entity_code,
        borrower_accounts.customer_id,
        sum(account_days.inflow) as inflow,
        sum(account_days.active_posting_count) as settlements
    from account_days
    inner join borrower_accounts
        on
            account_days.legal_entity_code = borrower_accounts.legal_entity_code
            and account_days.account_id = borrower_accounts.account_id
    where {{ within_days('account_days.posting_date', 365) }}
    group by borrower_accounts.legal_entity_code, borrower_accounts.customer_id
),

moved as (
    select
        borrower_accounts.legal_entity_code,
        borrower_accounts.customer_id,
        sum(own_transfers.received_amount) as moved_amount
    from own_transfers
    inner join borrower_accounts
        on
            own_transfers.legal_entity_code = borrower_accounts.legal_entity_code
            and own_transfers.account_id = borrower_accounts.account_id
    group by borrower_accounts.legal_entity_code, borrower_accounts.customer_id
),

measured as (
    select
        borrowers.legal_entity_code,
        borrowers.customer_id,
        features.customer_type,
        borrowers.loan_products,
        borrowers.has_base_rate_loan,
        borrowers.has_below_average_rate_loan,
        borrowers.has_other_loan,
        cast(borrowers.own_loans as decimal(18, 2)) as own_loans,
        checked.check_date,
        checked.annual_turnover,
        checked.other_bank_loans,
        cast(checked.other_bank_count as integer) as other_bank_count,
        checked.largest_other_bank_loan,
        coalesce(observed.observed_days, 0) as observed_days,
        greatest(coalesce(received.inflow, 0) - coalesce(moved.moved_amount, 0), 0) as settled,
        coalesce(received.settlements, 0) as settlements
    from borrowers
    inner join features
        on
            borrowers.legal_entity_code = features.legal_entity_code
            and borrowers.customer_id = features.customer_id
    left join checked
        on
            borrowers.legal_entity_code = checked.legal_entity_code
            and borrowers.customer_id = checked.customer_id
    left join observed
        on
            borrowers.legal_entity_code = observed.legal_entity_code
            and borrowers.customer_id = observed.customer_id
    left join received
        on
            borrowers.legal_entity_code = received.legal_entity_code
            and borrowers.customer_id = received.customer_id
    left join moved
        on
            borrowers.legal_entity_code = moved.legal_entity_code
            and borrowers.customer_id = moved.customer_id
)

select
    legal_entity_code,
    customer_id,
    customer_type,
    loan_products,
    has_base_rate_loan,
    has_below_average_rate_loan,
    has_other_loan,
    own_loans,
    check_date,
    annual_turnover,
    other_bank_loans,
    other_bank_count,
    largest_other_bank_loan,
    other_bank_count = 0 as is_sole_lender,
    own_loans >= largest_other_bank_loan as is_largest_lender,
    cast(own_loans / (own_loans + other_bank_loans) as double) as loan_share,
    observed_days,
    cast(settled as decimal(18, 2)) as settled,
    -- a month is too short to say what a year brings
    if(observed_days >= 30, cast(settled * 365.0 / observed_days as decimal(18, 2)), null) as settled_year,
    cast(settled_year / nullif(annual_turnover, 0) as double) as settlement_share,
    if(observed_days >= 30, cast(settlements * 30.0 / observed_days as double), null) as monthly_settlement_count
from measured
