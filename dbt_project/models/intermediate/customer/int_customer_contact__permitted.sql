with

opt_outs as (
    select * from {{ ref('stg_marketing__opt_out') }}
    where opted_out_date <= {{ business_date() }}
),

authorisations as (
    select *
    from {{ ref('stg_marketing__authorisation') }} as authorisations
    where
        {{ basis_holds('authorisations') }}
        and {{ in_force('authorisations.granted_date', 'authorisations.expiry_date') }}
        and (authorisations.revoked_date is null or authorisations.revoked_date > {{ business_date() }})
),

contacts as (
    select * from {{ ref('int_contact__collected') }}
    where cast(contacted_at as date) <= {{ business_date() }}
),

visits as (
    select * from {{ ref('stg_marketing__visit') }}
    where cast(visited_at as date) <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

-- A refusal counts whatever its legal basis: it can only keep us from calling.
statements as (
    select
        legal_entity_code,
        customer_id,
        'opt_out' as said,
        unnest({{ expanded_channels('channel') }}) as channel,
        cast(null as date) as said_date
    from opt_outs
    union all
    select
        legal_entity_code,
        customer_id,
        purpose as said,
        unnest({{ expanded_channels('channel') }}) as channel,
        cast(null as date) as said_date
    from authorisations
    union all
    select
        legal_entity_code,
        customer_id,
        outcome as said,
        channel,
        cast(contacted_at as date) as said_date
    from contacts
    union all
    select
        legal_entity_code,
        customer_id,
        'need_found' as said,
        'visit' as channel,
        cast(visited_at as date) as said_date
    from visits
    where outcome = 'need_found'
)

select
    identity.legal_entity_code,
    identity.customer_id,
    coalesce(list_sort(list_distinct(
        list(statements.channel) filter (where statements.said = 'opt_out')
    )), []) as opted_out_channels,
    coalesce(list_sort(list_distinct(
        list(statements.channel) filter (where statements.said = 'marketing')
    )), []) as authorised_channels,
    bool_or(statements.said = 'marketing') as is_marketing_authorised,
    bool_or(statements.said = 'behaviour_data') as is_behaviour_authorised,
    max(statements.said_date) filter (where statements.said is distinct from 'need_found') as last_contacted_date,
    max(statements.said_date) filter (where statements.said = 'interested') as last_interested_date,
    max(statements.said_date) filter (where statements.said = 'refused') as last_refused_date,
    max(statements.said_date) filter (where statements.said = 'need_found') as last_need_found_date
from statements
inner join identity
    on
        statements.legal_entity_code = identity.legal_entity_code
        and statements.customer_id = identity.source_key
group by identity.legal_entity_code, identity.customer_id
