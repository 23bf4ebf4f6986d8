with

villages as (
    select * from {{ ref('stg_master__village') }}
),

members as (
    select * from {{ ref('int_customer_village__credited') }}
    where signed_date > {{ business_date() }} - 97 and signed_date <= {{ business_date() }}
),

towns as (
    select distinct
        legal_entity_code,
        town_code,
        town_name
    from villages
),

-- 90 days to be shown, and the six before them that their averages need
days as (
    select {{ business_date() }} - cast(numbers.days_ago as integer) as signed_date
    from range(0, 97) as numbers (days_ago)
),

signed as (
    select
        members.legal_entity_code,
        villages.town_code,
        members.signed_date,
        count(*) as signings
    from members
    inner join villages
        on
            members.legal_entity_code = villages.legal_entity_code
            and members.village_code = villages.village_code
    group by members.legal_entity_code, villages.town_code, members.signed_date
),

-- a day without a signing is a day too
paced as (
    select
        towns.legal_entity_code,
        towns.town_code,
        towns.town_name,
        days.signed_date,
        coalesce(signed.signings, 0) as signings,
        sum(coalesce(signed.signings, 0)) over (
            partition by towns.legal_entity_code, towns.town_code
            order by days.signed_date
            rows between 6 preceding and current row
        ) as signings_7d
    from towns
    cross join days
    left join signed
        on
            towns.legal_entity_code = signed.legal_entity_code
            and towns.town_code = signed.town_code
            and days.signed_date = signed.signed_date
)

select
    legal_entity_code,
    town_code,
    town_name,
    signed_date,
    signings,
    signings_7d / 7.0 as signings_per_day_7d
from paced
where signed_date > {{ business_date() }} - 90
