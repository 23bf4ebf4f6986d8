with

villages as (
    select * from {{ ref('stg_master__village') }}
),

village_branches as (
    select
        rules.legal_entity_code,
        rules.village_code,
        grids.branch_code
    from {{ ref('int_grid_rule__parsed') }} as rules
    inner join {{ ref('stg_master__grid') }} as grids
        on
            rules.legal_entity_code = grids.legal_entity_code
            and rules.grid_id = grids.grid_id
    where
        rules.rule_type = 'village_code'
        and rules.is_in_force
        and rules.rule_fault is null
        and grids.grid_kind = 'entity'
        and grids.branch_code is not null
    qualify row_number() over (
        partition by rules.legal_entity_code, rules.village_code order by rules.priority, rules.grid_id
    ) = 1
),

households as (
    select
        legal_entity_code,
        household_id,
        min(village_code) as village_code,
        count(*) as people,
        bool_or(is_evaluated) as is_evaluated,
        bool_or(is_whitelisted) as is_whitelisted,
        sum(whitelist_limit) filter (where is_whitelisted) as whitelist_limit,
        bool_or(is_credited) as is_credited,
        bool_or(is_bank_customer) as is_customer
    from {{ ref('int_customer__features') }}
    where household_id is not null and is_filed
    group by legal_entity_code, household_id
),

filed as (
    select
        legal_entity_code,
        village_code,
        count(*) as filed_households,
        sum(people) as filed_people,
        count(*) filter (where is_evaluated) as evaluated_households,
        count(*) filter (where is_whitelisted) as whitelisted_households,
        sum(whitelist_limit) as whitelist_limit,
        count(*) filter (where is_credited) as credited_households,
        count(*) filter (where is_customer) as customer_households
    from households
    group by legal_entity_code, village_code
),

cards as (
    select
        legal_entity_code,
        village_code,
        count(*) as county_cards,
        count(*) filter (where issuing_bank = 'own') as own_cards,
        -- A card without an ID number is one holder.
        count(distinct coalesce(id_number_key, card_number_key)) filter (
            where issuing_bank = 'own'
        ) as own_card_holders
    from {{ ref('stg_social_security__card_holder') }}
    group by legal_entity_code, village_code
),

-- Cards and households whose village is unknown or not in the master data still belong to the bank's figures.
places as (
    select
        legal_entity_code,
        village_code
    from villages
    union distinct
    select
        legal_entity_code,
        village_code
    from filed
    union distinct
    select
        legal_entity_code,
        village_code
    from cards
)

select
    places.legal_entity_code,
    {{ business_date() }} as business_date,
    places.village_code,
    villages.village_name,
    {{ kpi_branch_code('village_branches.branch_code') }} as branch_code,
    villages.market_type,
    villages.town_code,
    villages.town_name,
    cast(null as varchar) as segment_code,
    cast(null as varchar) as segment_name,
    cast(null as varchar) as manager_code,
    coalesce(villages.registered_population, 0) as registered_population,
    -- A bank without card data has no coverage, instead of one of 0 %.
    if(
        sum(coalesce(cards.county_cards, 0)) over (partition by places.legal_entity_code) > 0,
        coalesce(villages.registered_population, 0),
        0
    ) as carded_population,
    coalesce(villages.households, 0) as households,
    coalesce(filed.filed_households, 0) as filed_households,
    cast(coalesce(filed.filed_people, 0) as bigint) as filed_people,
    coalesce(filed.evaluated_households, 0) as evaluated_households,
    coalesce(filed.whitelisted_households, 0) as whitelisted_households,
    cast(coalesce(filed.whitelist_limit, 0) as decimal(18, 2)) as whitelist_limit,
    coalesce(filed.credited_households, 0) as credited_households,
    coalesce(filed.customer_households, 0) as customer_households,
    coalesce(cards.county_cards, 0) as county_cards,
    coalesce(cards.own_cards, 0) as own_cards,
    coalesce(cards.own_card_holders, 0) as own_card_holders
from places
left join villages
    on
        places.legal_entity_code = villages.legal_entity_code
        and places.village_code = villages.village_code
left join village_branches
    on
        places.legal_entity_code = village_branches.legal_entity_code
        and places.village_code = village_branches.village_code
left join filed
    on
        places.legal_entity_code = filed.legal_entity_code
        and places.village_code is not distinct from filed.village_code
left join cards
    on
        places.legal_entity_code = cards.legal_entity_code
        and places.village_code is not distinct from cards.village_code
