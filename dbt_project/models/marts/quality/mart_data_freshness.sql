with

deliveries as (
    select * from {{ ref('int_landing_batch__timed') }}
)

select
    business_date,
    legal_entity_code,
    source,
    source_name,
    table_name,
    table_label,
    table_title,
    is_due,
    deadline_hours,
    hours_after_close,
    delivery_status,
    rows_in,
    rows_quarantined
from deliveries
