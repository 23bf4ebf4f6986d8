with

landed as (
    select * from {{ source('ledger', 'landing_batch') }}
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    source,
    table_name,
    cast(business_date as date) as business_date,
    status,
    batch_id,
    cast(contract_version as integer) as contract_version,
    content_sha256,
    files,
    cast(rows_in as bigint) as rows_in,
    cast(rows_landed as bigint) as rows_landed,
    cast(rows_quarantined as bigint) as rows_quarantined,
    message,
    cast(recorded_at as timestamp) as recorded_at
from landed
where cast(business_date as date) <= {{ business_date() }}
