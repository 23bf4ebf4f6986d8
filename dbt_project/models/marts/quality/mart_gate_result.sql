with

results as (
    select * from {{ ref('int_gate_result__named') }}
)

select
    business_date,
    legal_entity_code,
    source,
    source_name,
    subject,
    table_name,
    table_label,
    table_title,
    expectation,
    check_code,
    check_name,
    column_name,
    column_label,
    severity,
    is_passed,
    check_outcome,
    observed,
    advice
from results
