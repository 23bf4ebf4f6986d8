-- The signed main entities among the dormant lines are the numerator of credited_undrawn_share 已授信未用信占比.
with

dormant as (
    select count(*) as customers
    from {{ ref('mart_dormant_credit') }}
    where is_signed and is_main_entity
),

metric as (
    select numerator
    from {{ ref('int_metric__value') }}
    where metric_code = 'credited_undrawn_share' and dimension = 'bank'
)

select
    dormant.customers,
    metric.numerator
from dormant
cross join metric
where dormant.customers <> metric.numerator
