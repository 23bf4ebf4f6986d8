with

loans as (
    select * from {{ ref('int_loan__assessed') }}
    where disbursed_date >= date_trunc('year', {{ business_date() }})
),

customers as (
    select * from {{ ref('int_metric__base') }}
)

select
    loans.legal_entity_code,
    {{ business_date() }} as business_date,
    loans.loan_id,
    loans.customer_id,
    customers.branch_code,
    customers.manager_id,
    customers.manager_code,
    {{ kpi_dimensions('customers') }},
    loans.product_code,
    loans.channel,
    loans.disbursed_date,
    loans.loan_amount
from loans
inner join customers
    on
        loans.legal_entity_code = customers.legal_entity_code
        and loans.customer_id = customers.customer_id
