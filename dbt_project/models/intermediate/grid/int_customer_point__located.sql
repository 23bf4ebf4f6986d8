with

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where customer_id is not null and status <> 'closed'
)

select distinct
    legal_entity_code,
    customer_id,
    latitude,
    longitude
from merchants
where latitude is not null and longitude is not null
