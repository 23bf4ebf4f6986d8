with

measures as (
    select * from {{ ref('int_gate_measure__named') }}
)

select
    business_date,
    legal_entity_code,
    source,
    source_name,
    table_name,
    table_label,
    table_title,
    measure,
    measure_name,
    column_name,
    column_label,
    code,
    rows_in,
    value,
    lower_bound,
    upper_bound,
    is_outside
from measures
