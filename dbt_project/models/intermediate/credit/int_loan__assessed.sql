with

loans as (
    select * from {{ ref('stg_credit__loan') }}
    where disbursed_date <= {{ business_date() }}
),

repayments as (
    select * from {{ ref('stg_credit__repayment') }}
    where repayment_date <= {{ business_date() }}
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

products as (
    select * from {{ ref('stg_master__product') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

repaid as (
    select
        legal_entity_code,
        loan_id,
        sum(principal) as principal_repaid
    from repayments
    group by legal_entity_code, loan_id
),

joined as (
    select
        loans.*,
        identity.customer_id as resolved_customer_id,
        credit_lines.channel,
        coalesce(credit_lines.is_in_force, false) as is_line_in_force,
        products.category as product_category,
        loans.status = 'settled' or coalesce(loans.settled_date <= {{ business_date() }}, false) as is_settled,
        greatest(coalesce(loans.outstanding, loans.loan_amount - coalesce(repaid.principal_repaid, 0)), 0)
            as unpaid_principal
    from loans
    inner join identity
        on
            loans.legal_entity_code = identity.legal_entity_code
            and loans.customer_id = identity.source_key
    left join credit_lines
        on
            loans.legal_entity_code = credit_lines.legal_entity_code
            and loans.credit_line_id = credit_lines.credit_line_id
    left join products
        on
            loans.legal_entity_code = products.legal_entity_code
            and loans.product_code = products.product_code
    left join repaid
        on
            loans.legal_entity_code = repaid.legal_entity_code
            and loans.loan_id = repaid.loan_id
)

select
    legal_entity_code,
    loan_id,
    credit_line_id,
    resolved_customer_id as customer_id,
    customer_id as core_customer_id,
    product_code,
    product_category,
    channel,
    is_line_in_force,
    loan_amount,
    disbursed_date,
    maturity_date,
    settled_date,
    annual_rate,
    status,
    five_class,
    source_status,
    is_settled,
    -- a written-off loan is off the books, so it is not outstanding; it still counts as overdue
    cast(if(is_settled or status = 'written_off', 0, unpaid_principal) as decimal(18, 2)) as outstanding,
    not is_settled
    and (status in ('overdue', 'written_off') or (maturity_date < {{ business_date() }} and unpaid_principal > 0))
        as is_overdue
from joined
