with

deliveries as (
    select * from {{ source('ledger', 'delivery') }}
)

-- Lists are delivered after their date is published: as in stg_ledger__list_batch.
select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    delivery_id,
    batch_id,
    list_code,
    cast(business_date as date) as business_date,
    recipient_type,
    recipient,
    cast(rows as bigint) as open_rows,
    cast(new_rows as bigint) as new_rows,
    cast(removed_rows as bigint) as removed_rows,
    content_sha256,
    definition_hash,
    target,
    cast(expires_on as date) as expires_on,
    {{ bank_time('recorded_at') }} as recorded_at
from deliveries
where cast(business_date as date) < {{ business_date() }}
