with

landed as (
    select * from {{ source('ledger', 'landing_drift') }}
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    source,
    table_name,
    cast(business_date as date) as business_date,
    column_name,
    change
from landed
where cast(business_date as date) <= {{ business_date() }}
