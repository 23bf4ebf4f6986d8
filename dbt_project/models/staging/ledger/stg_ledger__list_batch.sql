with

batches as (
    select * from {{ source('ledger', 'list_batch') }}
)

-- A batch is proposed after its date is published. So a date built again sees no more of the ledger than at first:
-- the batches of the dates before it.
select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    batch_id,
    list_code,
    cast(business_date as date) as business_date,
    state,
    cast(rows as bigint) as listed_rows,
    cast(holdout_rows as bigint) as holdout_rows,
    content_sha256,
    definition_sha256,
    material_id,
    {{ bank_time('proposed_at') }} as proposed_at,
    {{ bank_time('expires_at') }} as expires_at,
    decided_by,
    {{ bank_time('decided_at') }} as decided_at,
    decision,
    reason
from batches
where cast(business_date as date) < {{ business_date() }}
