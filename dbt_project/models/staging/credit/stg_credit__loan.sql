with

landed as (
    select * from {{ source('credit', 'loan') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'loan_id']) }}
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
    source_row
from standing
where is_deleted is not true
