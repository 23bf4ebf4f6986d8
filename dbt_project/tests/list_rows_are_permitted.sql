-- Nobody on a list, control group included, has refused its channel, lacks authorisation for it, is a minor, dead,
-- staff, overdue, on a grey or black list or, at a bank that knows phones, without the one that the channel needs;
-- nobody is taken onto one within the rest days after a contact.
with

features as (
    select * from {{ ref('int_customer__features') }}
),

phones as (
    {{ phones_known('features') }}
)

select
    lists.list_code,
    lists.customer_id
from {{ ref('mart_marketing_list') }} as lists
inner join features
    on
        lists.legal_entity_code = features.legal_entity_code
        and lists.customer_id = features.customer_id
cross join phones
where
    lists.business_date = {{ business_date() }}
    and (
        list_contains(features.opted_out_channels, lists.channel)
        or not list_contains(features.authorised_channels, lists.channel)
        or features.is_minor
        or features.is_deceased
        or features.is_staff
        or features.is_overdue
        or features.worst_five_class <> 'normal'
        or features.risk_list <> 'none'
        or (lists.channel in ('phone', 'sms') and features.phone_masked is null and phones.are_known)
        or (
            lists.listing_state = 'new'
            and features.last_contacted_date > {{ business_date() }} - {{ var('contact_policy').rest_days }}
        )
    )
