with

landed as (
    select * from {{ source('ledger', 'landing_reject') }}
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    source,
    table_name,
    cast(business_date as date) as business_date,
    column_name,
    reason,
    cast(rows_rejected as bigint) as rows_rejected
from landed
where cast(business_date as date) <= {{ business_date() }}
