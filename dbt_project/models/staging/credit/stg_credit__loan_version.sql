with

landed as (
    select * from {{ source('credit', 'loan') }}
    where business_date <= {{ business_date() }}
)

select
    legal_entity_code,
    loan_id,
    credit_line_id,
    customer_id,
    product_code,
    loan_amount,
    outstanding,
    disbursed_date,
    maturity_date,
    settled_date,
    annual_rate,
    status,
    five_class,
    source_status,
    business_date,
    batch_id,
    source_row,
    coalesce(is_deleted, false) as is_deleted
from landed
