-- The villages of the business date, the unknown one included, hold everybody of a roster or whitelist once.
with

villages as (
    select
        sum(roster_households) as roster_households,
        sum(roster_people) as roster_people,
        sum(evaluated) as evaluated,
        sum(whitelisted) as whitelisted,
        sum(whitelisted_amount) as whitelisted_amount,
        sum(drawn) as drawn
    from {{ ref('mart_village_credit') }}
    where business_date = {{ business_date() }}
),

bank as (
    select
        count(distinct household_id) filter (where is_filed) as roster_households,
        count(*) filter (where is_filed) as roster_people,
        count(*) filter (where is_evaluated) as evaluated,
        count(*) filter (where is_whitelisted) as whitelisted,
        coalesce(sum(whitelist_limit) filter (where is_whitelisted), 0) as whitelisted_amount,
        count(*) filter (where is_drawn and (is_filed or is_whitelisted)) as drawn
    from {{ ref('int_customer__features') }}
)

select villages.*
from villages
cross join bank
where
    villages.roster_people is not null
    and (
        villages.roster_households <> bank.roster_households
        or villages.roster_people <> bank.roster_people
        or villages.evaluated <> bank.evaluated
        or villages.whitelisted <> bank.whitelisted
        or villages.whitelisted_amount <> bank.whitelisted_amount
        or villages.drawn <> bank.drawn
    )
