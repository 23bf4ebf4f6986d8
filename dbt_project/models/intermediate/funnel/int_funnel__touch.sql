with

contacts as (
    select * from {{ ref('stg_marketing__contact_outcome') }}
    where cast(contacted_at as date) <= {{ business_date() }}
),

visits as (
    select * from {{ ref('stg_marketing__visit') }}
    where cast(visited_at as date) <= {{ business_date() }}
),

applications as (
    select * from {{ ref('int_application__staged') }}
    where customer_id is not null and (list_code is not null or is_referred)
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

recorded as (
    select
        legal_entity_code,
        'contact|' || outcome_id as touch_id,
        'contact' as touch_kind,
        customer_id as core_customer_id,
        contacted_at as touched_at,
        outcome,
        outcome <> 'not_reached' as is_reached,
        case when channel in ('sms', 'wechat') then 'online' else 'offline' end as channel,
        list_code,
        list_batch_id,
        manager_id
    from contacts
    union all
    select
        legal_entity_code,
        'visit|' || visit_id as touch_id,
        'visit' as touch_kind,
        customer_id as core_customer_id,
        visited_at as touched_at,
        outcome,
        true as is_reached,
        'offline' as channel,
        cast(null as varchar) as list_code,
        cast(null as varchar) as list_batch_id,
        manager_id
    from visits
)

select
    recorded.legal_entity_code,
    recorded.touch_id,
    recorded.touch_kind,
    identities.customer_id,
    recorded.touched_at,
    recorded.outcome,
    recorded.is_reached,
    recorded.channel,
    recorded.list_code,
    recorded.list_batch_id,
    recorded.manager_id
from recorded
inner join identities
    on
        recorded.legal_entity_code = identities.legal_entity_code
        and recorded.core_customer_id = identities.source_key
union all
-- An application that names its list or its referrer says itself what it came from.
select
    legal_entity_code,
    'application|' || application_id as touch_id,
    if(list_code is null, 'referral', 'application') as touch_kind,
    customer_id,
    min(entered_at) as touched_at,
    'applied' as outcome,
    true as is_reached,
    channel,
    list_code,
    cast(null as varchar) as list_batch_id,
    manager_id
from applications
group by legal_entity_code, application_id, customer_id, channel, list_code, manager_id
