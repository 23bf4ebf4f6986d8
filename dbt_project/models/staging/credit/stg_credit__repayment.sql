with

landed as not materialized (
    select * from {{ source('credit', 'repayment') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'repayment_id']) }}
)

select
    legal_entity_code,
    repayment_id,
    loan_id,
    repayment_date,
    principal,
    interest,
    business_date,
    batch_id,
    source_row
from standing
