with

deliveries as (
    select * from {{ ref('stg_ledger__delivery') }}
    where business_date > {{ business_date() }} - {{ var('delivery_days_shown') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
)

select
    deliveries.legal_entity_code,
    deliveries.business_date,
    deliveries.delivery_id,
    deliveries.batch_id,
    deliveries.list_code,
    coalesce(definitions.list_name, deliveries.list_code) as list_name,
    deliveries.recipient_type,
    deliveries.recipient,
    deliveries.open_rows,
    deliveries.new_rows,
    deliveries.removed_rows,
    left(deliveries.content_sha256, 12) as content_digest,
    coalesce(deliveries.target, '交付目录') as delivery_target,
    deliveries.expires_on,
    deliveries.recorded_at as delivered_at
from deliveries
left join definitions
    on
        deliveries.legal_entity_code = definitions.legal_entity_code
        and deliveries.list_code = definitions.list_code
