with

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where customer_id is not null and status <> 'closed'
)

select
    legal_entity_code,
    customer_id,
    max_by(merchant_id, (amount_90d, merchant_id)) as merchant_id,
    max_by(market_code, (amount_90d, merchant_id)) as market_code,
    max_by(village_code, (amount_90d, merchant_id)) as merchant_village_code,
    min(signed_date) as merchant_signed_date,
    sum(amount_90d) as merchant_amount_90d,
    cast(sum(count_90d) as integer) as merchant_count_90d,
    min(distance_km) as merchant_distance_km,
    bool_or(has_pos) as has_pos
from merchants
group by legal_entity_code, customer_id
