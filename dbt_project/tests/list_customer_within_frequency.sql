-- Nobody is taken onto lists more often than the contact policy says; batches that were refused reached nobody.
select
    legal_entity_code,
    customer_id,
    count(*) as listings
from {{ ref('fct_list_row') }}
where
    listed_date > {{ business_date() }} - {{ var('contact_policy').listing_window_days }}
    and coalesce(close_reason, '') not in ('batch_rejected', 'batch_expired')
group by legal_entity_code, customer_id
having count(*) > {{ var('contact_policy').most_listings }}
