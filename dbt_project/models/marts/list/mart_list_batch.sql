with

batches as (
    select * from {{ ref('int_list__batch') }}
),

deliveries as (
    select
        legal_entity_code,
        batch_id,
        count(*) as recipients,
        -- Each row goes to its branch and to its manager: branches alone count a row once.
        coalesce(sum(removed_rows) filter (where recipient_type = 'branch'), 0) as removed_rows,
        max(delivery_target) as delivery_target,
        max(expires_on) as expires_on
    from {{ ref('int_list__delivery') }}
    group by legal_entity_code, batch_id
)

select
    batches.business_date,
    batches.legal_entity_code,
    batches.batch_id,
    batches.list_code,
    batches.list_name,
    batches.batch_state,
    batches.listed_rows,
    batches.holdout_rows,
    cast(coalesce(deliveries.removed_rows, 0) as bigint) as removed_rows,
    coalesce(deliveries.recipients, 0) as recipients,
    batches.content_digest,
    strftime(batches.proposed_at, '%Y-%m-%d %H:%M') as proposed_at,
    strftime(batches.expires_at, '%Y-%m-%d %H:%M') as expires_at,
    coalesce(batches.decided_by, '—') as decided_by,
    strftime(batches.decided_at, '%Y-%m-%d %H:%M') as decided_at,
    batches.decision,
    coalesce(batches.reason, '—') as reason,
    round(batches.waiting_hours, 1) as waiting_hours,
    deliveries.delivery_target,
    deliveries.expires_on
from batches
left join deliveries
    on
        batches.legal_entity_code = deliveries.legal_entity_code
        and batches.batch_id = deliveries.batch_id
