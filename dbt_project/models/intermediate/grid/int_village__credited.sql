with

members as (
    select * from {{ ref('int_customer_village__credited') }}
),

-- a household counts once, in the village of its first member
households as (
    select
        legal_entity_code,
        household_id,
        min(village_code) as village_code,
        bool_or(is_evaluated) as is_evaluated
    from members
    where is_filed and household_id is not null
    group by legal_entity_code, household_id
),

household_counts as (
    select
        legal_entity_code,
        village_code,
        count(*) as roster_households,
        count(*) filter (where is_evaluated) as evaluated_households
    from households
    group by legal_entity_code, village_code
),

member_counts as (
    select
        legal_entity_code,
        village_code,
        count(*) filter (where is_filed) as roster_people,
        count(*) filter (where is_evaluated) as evaluated,
        count(*) filter (where is_whitelisted) as whitelisted,
        cast(sum(whitelist_limit) filter (where is_whitelisted) as decimal(18, 2)) as whitelisted_amount,
        count(signed_date) as signed,
        count(*) filter (where is_drawn) as drawn,
        count(*) filter (where signed_date = {{ business_date() }}) as signings_1d,
        count(*) filter (where {{ within_days('signed_date', 7) }}) as signings_7d,
        count(*) filter (where {{ within_days('signed_date', 30) }}) as signings_30d
    from members
    group by legal_entity_code, village_code
),

villages as (
    select * from {{ ref('stg_master__village') }}
),

-- the year's target, else the one of the shorter period that the business date is in
targets as (
    select
        legal_entity_code,
        organisation_code as village_code,
        target_value,
        period_start,
        {{ period_end('period_type', 'period_start') }} as period_end
    from {{ ref('stg_master__target') }}
    where organisation_level = 'village' and measure_code = 'village_signed'
    qualify
        {{ business_date() }} >= period_start
        and {{ business_date() }} < period_end
        and row_number() over (
            partition by
                legal_entity_code, organisation_code,
                {{ business_date() }} >= period_start and {{ business_date() }} < period_end
            order by period_end - period_start desc
        ) = 1
),

-- the grid that takes whoever lives in the village
village_grids as (
    select
        legal_entity_code,
        village_code,
        min_by(grid_id, (priority, grid_id)) as grid_id
    from {{ ref('int_grid_rule__parsed') }}
    where rule_type = 'village_code' and grid_kind = 'entity' and is_in_force and rule_fault is null
    group by legal_entity_code, village_code
),

places as (
    select
        legal_entity_code,
        village_code
    from villages
    union
    select
        legal_entity_code,
        village_code
    from member_counts
    union
    select
        legal_entity_code,
        village_code
    from household_counts
)

select
    places.legal_entity_code,
    places.village_code,
    villages.village_name,
    villages.town_name,
    villages.market_type,
    village_grids.grid_id,
    coalesce(villages.households, 0) as registered_households,
    coalesce(household_counts.roster_households, 0) as roster_households,
    coalesce(household_counts.evaluated_households, 0) as evaluated_households,
    coalesce(member_counts.roster_people, 0) as roster_people,
    coalesce(member_counts.evaluated, 0) as evaluated,
    coalesce(member_counts.whitelisted, 0) as whitelisted,
    cast(coalesce(member_counts.whitelisted_amount, 0) as decimal(18, 2)) as whitelisted_amount,
    coalesce(member_counts.signed, 0) as signed,
    coalesce(member_counts.drawn, 0) as drawn,
    coalesce(member_counts.signings_1d, 0) as signings_1d,
    coalesce(member_counts.signings_7d, 0) as signings_7d,
    coalesce(member_counts.signings_30d, 0) as signings_30d,
    targets.target_value,
    cast(targets.period_end as date) - 1 as target_date
from places
left join villages
    on
        places.legal_entity_code = villages.legal_entity_code
        and places.village_code = villages.village_code
left join household_counts
    on
        places.legal_entity_code = household_counts.legal_entity_code
        and places.village_code is not distinct from household_counts.village_code
left join member_counts
    on
        places.legal_entity_code = member_counts.legal_entity_code
        and places.village_code is not distinct from member_counts.village_code
left join targets
    on
        places.legal_entity_code = targets.legal_entity_code
        and places.village_code = targets.village_code
left join village_grids
    on
        places.legal_entity_code = village_grids.legal_entity_code
        and places.village_code = village_grids.village_code
