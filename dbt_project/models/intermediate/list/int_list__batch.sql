with

batches as (
    select * from {{ ref('stg_ledger__list_batch') }}
    where business_date > {{ business_date() }} - {{ var('delivery_days_shown') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
)

select
    batches.legal_entity_code,
    batches.business_date,
    batches.batch_id,
    batches.list_code,
    coalesce(definitions.list_name, batches.list_code) as list_name,
    batches.state as batch_state,
    batches.listed_rows,
    batches.holdout_rows,
    left(batches.content_sha256, 12) as content_digest,
    batches.proposed_at,
    batches.expires_at,
    batches.decided_by,
    batches.decided_at,
    batches.decision,
    batches.reason,
    case
        when batches.decided_at is not null
            then date_diff('minute', batches.proposed_at, batches.decided_at) / 60.0
    end as waiting_hours
from batches
left join definitions
    on
        batches.legal_entity_code = definitions.legal_entity_code
        and batches.list_code = definitions.list_code
