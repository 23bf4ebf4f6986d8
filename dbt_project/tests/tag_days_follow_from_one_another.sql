-- Of each tag, over all branches: yesterday's customers and those who entered, without those who left, are today's.
with

days as (
    select
        legal_entity_code,
        tag_code,
        sum(customers) filter (where business_date = {{ business_date() }}) as customers,
        sum(entered_customers) filter (where business_date = {{ business_date() }}) as entered_customers,
        sum(left_customers) filter (where business_date = {{ business_date() }}) as left_customers,
        sum(customers) filter (
            where
            business_date = (
                select max(earlier.business_date)
                from {{ ref('mart_tag_day') }} as earlier
                where earlier.business_date < {{ business_date() }}
            )
        ) as customers_before
    from {{ ref('mart_tag_day') }}
    group by legal_entity_code, tag_code
)

select *
from days
where
    coalesce(customers_before, 0) + coalesce(entered_customers, 0) - coalesce(left_customers, 0)
    <> coalesce(customers, 0)
