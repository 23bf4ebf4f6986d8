with

deliveries as (
    select * from {{ ref('int_list__delivery') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

placed as (
    select
        deliveries.*,
        managers.manager_name,
        case
            when deliveries.recipient_type = 'branch' then deliveries.recipient else managers.branch_code
        end as branch_code
    from deliveries
    left join managers
        on
            deliveries.legal_entity_code = managers.legal_entity_code
            and deliveries.recipient_type = 'manager'
            and deliveries.recipient = managers.manager_id
)

select
    placed.business_date,
    placed.legal_entity_code,
    placed.delivery_id,
    placed.batch_id,
    placed.list_code,
    placed.list_name,
    placed.recipient_type,
    placed.recipient,
    case
        when placed.recipient_type = 'manager' then coalesce(placed.manager_name, placed.recipient)
        else coalesce(branches.branch_name, '总行')
    end as recipient_name,
    placed.branch_code,
    coalesce(branches.branch_name, '总行') as branch_name,
    placed.open_rows,
    placed.new_rows,
    placed.removed_rows,
    placed.content_digest,
    placed.delivery_target,
    placed.expires_on,
    strftime(placed.delivered_at, '%Y-%m-%d %H:%M') as delivered_at
from placed
left join branches
    on
        placed.legal_entity_code = branches.legal_entity_code
        and placed.branch_code = branches.branch_code
