with

landed as not materialized (
    select * from {{ source('credit', 'post_loan_check') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'check_id']) }}
)

select
    legal_entity_code,
    check_id,
    customer_id,
    check_date,
    annual_turnover,
    other_bank_loans,
    other_bank_count,
    largest_other_bank_loan,
    manager_id,
    business_date,
    batch_id,
    source_row
from standing
