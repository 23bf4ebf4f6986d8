with

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
    where is_in_force
),

features as (
    select * from {{ ref('int_customer__features') }}
),

phones as (
    {{ phones_known('features') }}
),

staying as (
    select * from {{ ref('int_list__standing') }}
    where close_reason is null
),

-- A batch that was refused reached nobody.
listings as (
    select
        legal_entity_code,
        customer_id,
        count(*) as recent_listings
    from {{ list_rows_before() }}
    where
        listed_date > {{ business_date() }} - {{ var('contact_policy').listing_window_days }}
        and coalesce(close_reason, '') not in ('batch_rejected', 'batch_expired')
    group by legal_entity_code, customer_id
)

select
    candidates.legal_entity_code,
    candidates.list_code,
    candidates.customer_id,
    coalesce(staying.list_code = candidates.list_code, false) as is_standing,
    staying.list_code as standing_list_code,
    coalesce(listings.recent_listings, 0) as recent_listings,
    case
        {{ list_suppressions('candidates', 'definitions.channel') }}
        -- Who is on this list already was judged when taken, and by int_list__standing today.
        when staying.list_code = candidates.list_code then null
        when
            candidates.last_contacted_date > {{ business_date() }} - {{ var('contact_policy').rest_days }}
            then 'contacted_recently'
        when staying.list_code is not null then 'on_other_list'
        when listings.recent_listings >= {{ var('contact_policy').most_listings }} then 'frequency_cap'
    end as suppressed_by
from candidates
inner join definitions
    on
        candidates.legal_entity_code = definitions.legal_entity_code
        and candidates.list_code = definitions.list_code
left join staying
    on
        candidates.legal_entity_code = staying.legal_entity_code
        and candidates.customer_id = staying.customer_id
left join listings
    on
        candidates.legal_entity_code = listings.legal_entity_code
        and candidates.customer_id = listings.customer_id
