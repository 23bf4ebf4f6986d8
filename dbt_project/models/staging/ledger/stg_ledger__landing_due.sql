with

landed as (
    select * from {{ source('ledger', 'landing_due') }}
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    source,
    table_name,
    cast(business_date as date) as business_date,
    cast(deadline_hours as double) as deadline_hours
from landed
where cast(business_date as date) <= {{ business_date() }}
