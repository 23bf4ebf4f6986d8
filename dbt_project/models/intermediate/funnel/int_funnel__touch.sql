with

contacts as (
    select * from {{ ref('int_contact__collected') }}
    where cast(contacted_at as date) <= {{ business_date() }}
),

visits as (
    select * from {{ ref('int_visit__checked') }}
    where is_valid
),

applications as (
    select * from {{ ref('int_application__staged') }}
    where customer_id is not null and (list_code is not null or is_referred)
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

contacted as (
    select
        contacts.legal_entity_code,
        'contact|' || contacts.outcome_id as touch_id,
        'contact' as touch_kind,
        identities.customer_id,
        contacts.contacted_at as touched_at,
        contacts.outcome,
        contacts.outcome <> 'not_reached' as is_reached,
        case when contacts.channel in ('sms', 'wechat') then 'online' else 'offline' end as channel,
        contacts.list_code,
        contacts.list_batch_id,
        contacts.manager_id
    from contacts
    inner join identities
        on
            contacts.legal_entity_code = identities.legal_entity_code
            and contacts.customer_id = identities.source_key
)

select * from contacted
union all
select
    legal_entity_code,
    'visit|' || visit_id as touch_id,
    'visit' as touch_kind,
    customer_id,
    visited_at as touched_at,
    outcome,
    true as is_reached,
    if(visit_method in ('on_site', 'phone'), 'offline', 'online') as channel,
    cast(null as varchar) as list_code,
    cast(null as varchar) as list_batch_id,
    manager_id
from visits
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
