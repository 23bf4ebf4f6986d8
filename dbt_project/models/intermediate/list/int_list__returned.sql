with

returns as (
    select * from {{ ref('stg_marketing__list_return') }}
),

list_rows as (
    select
        legal_entity_code,
        row_id,
        batch_id,
        list_code,
        customer_id,
        branch_code,
        manager_id,
        channel,
        is_holdout,
        listed_date,
        valid_until,
        closed_date
    from {{ list_rows_before() }}
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

matched as (
    select
        returns.legal_entity_code,
        returns.row_id,
        returns.list_batch_id as batch_id,
        list_rows.list_code,
        returns.customer_id as core_customer_id,
        if(identities.customer_id = list_rows.customer_id, list_rows.customer_id, null) as customer_id,
        list_rows.branch_code,
        list_rows.manager_id,
        returns.recipient,
        -- What a manager says of the own row is first-hand; a branch collects.
        coalesce(returns.recipient = list_rows.manager_id, false) as is_by_manager,
        returns.contacted_at,
        coalesce(returns.channel, list_rows.channel) as channel,
        returns.outcome,
        returns.business_date as returned_date,
        case
            when list_rows.row_id is null then 'unknown_row'
            when list_rows.batch_id <> returns.list_batch_id then 'other_batch'
            when coalesce(identities.customer_id, '') <> list_rows.customer_id then 'other_customer'
            when cast(returns.contacted_at as date) > returns.business_date then 'in_future'
            when cast(returns.contacted_at as date) < list_rows.listed_date then 'before_listed'
            when list_rows.is_holdout then 'control'
            when cast(returns.contacted_at as date) > list_rows.closed_date then 'removed'
            when cast(returns.contacted_at as date) > list_rows.valid_until then 'late'
            else 'counted'
        end as return_status
    from returns
    left join list_rows
        on
            returns.legal_entity_code = list_rows.legal_entity_code
            and returns.row_id = list_rows.row_id
    left join identities
        on
            returns.legal_entity_code = identities.legal_entity_code
            and returns.customer_id = identities.source_key
),

-- Several may answer for one row, or one several times: the latest contact holds; of the same moment the stronger
-- result; then the manager's word before the branch's, then the later delivery.
ranked as (
    select
        *,
        return_status in ('counted', 'late', 'removed', 'control') as is_contact,
        row_number() over (
            partition by legal_entity_code, row_id, is_contact
            order by
                contacted_at desc,
                list_position(['applied', 'interested', 'refused', 'reached', 'not_reached'], outcome) asc,
                is_by_manager desc,
                returned_date desc,
                recipient asc
        ) as place
    from matched
)

select
    * exclude (return_status, is_contact, place),
    if(is_contact and place > 1, 'superseded', return_status) as return_status,
    is_contact and place = 1 as is_contact
from ranked
