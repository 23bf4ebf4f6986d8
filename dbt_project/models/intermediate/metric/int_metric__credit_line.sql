with

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

drawn_lines as (
    select distinct
        legal_entity_code,
        credit_line_id
    from {{ ref('int_loan__assessed') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
)

select
    credit_lines.legal_entity_code,
    {{ business_date() }} as business_date,
    credit_lines.credit_line_id,
    credit_lines.customer_id,
    customers.branch_code,
    {{ kpi_dimensions('customers') }},
    customers.manager_code,
    credit_lines.channel,
    credit_lines.product_code,
    credit_lines.limit_amount,
    credit_lines.is_signed,
    drawn_lines.credit_line_id is not null as is_drawn
from credit_lines
inner join customers
    on
        credit_lines.legal_entity_code = customers.legal_entity_code
        and credit_lines.customer_id = customers.customer_id
left join drawn_lines
    on
        credit_lines.legal_entity_code = drawn_lines.legal_entity_code
        and credit_lines.credit_line_id = drawn_lines.credit_line_id
