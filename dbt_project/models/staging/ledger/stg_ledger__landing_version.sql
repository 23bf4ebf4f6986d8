with

landed as (
    select * from {{ source('ledger', 'landing_version') }}
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    source,
    table_name,
    cast(business_date as date) as business_date,
    cast(version as integer) as version,
    batch_id,
    cast(rows_in as bigint) as rows_in,
    cast(rows_landed as bigint) as rows_landed,
    cast(rows_quarantined as bigint) as rows_quarantined
from landed
where cast(business_date as date) <= {{ business_date() }}
