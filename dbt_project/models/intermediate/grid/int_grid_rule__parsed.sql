with

rules as (
    select * from {{ ref('stg_master__grid_membership_rule') }}
),

grids as (
    select * from {{ ref('stg_master__grid') }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
),

villages as (
    select * from {{ ref('stg_master__village') }}
),

rings as (
    select
        legal_entity_code,
        rule_id,
        bool_and(is_valid) as is_valid,
        count(distinct concat_ws(' ', longitude, latitude)) as corners,
        min(longitude) as west,
        max(longitude) as east,
        min(latitude) as south,
        max(latitude) as north
    from {{ ref('int_grid_rule__corner') }}
    group by legal_entity_code, rule_id
),

described as (
    select
        rules.legal_entity_code,
        rules.rule_id,
        rules.grid_id,
        rules.rule_type,
        rules.rule_value,
        rules.priority,
        rules.valid_from,
        rules.valid_to,
        grids.grid_id is not null as is_grid_known,
        grids.grid_kind,
        grids.latitude as grid_latitude,
        grids.longitude as grid_longitude,
        coalesce({{ in_force('grids.valid_from', 'grids.valid_to') }}, false) as is_grid_in_force,
        case
            when rules.rule_type = 'village_code' then rules.rule_value
            when rules.rule_type = 'group_name' then split_part(rules.rule_value, '|', 1)
        end as village_code,
        if(rules.rule_type = 'distance', try_cast(split_part(rules.rule_value, '|', 1) as double), null)
            as radius_km,
        if(rules.rule_type = 'distance', nullif(split_part(rules.rule_value, '|', 2), ''), null) as branch_code
    from rules
    left join grids
        on
            rules.legal_entity_code = grids.legal_entity_code
            and rules.grid_id = grids.grid_id
),

centred as (
    select
        described.*,
        rings.is_valid as is_ring_valid,
        rings.corners,
        villages.village_code is not null as is_village_known,
        if(described.branch_code is null, described.grid_latitude, branches.latitude) as centre_latitude,
        if(described.branch_code is null, described.grid_longitude, branches.longitude) as centre_longitude,
        rings.west,
        rings.east,
        rings.south,
        rings.north
    from described
    left join branches
        on
            described.legal_entity_code = branches.legal_entity_code
            and described.branch_code = branches.branch_code
    left join rings
        on
            described.legal_entity_code = rings.legal_entity_code
            and described.rule_id = rings.rule_id
    left join villages
        on
            described.legal_entity_code = villages.legal_entity_code
            and described.village_code = villages.village_code
)

select
    legal_entity_code,
    rule_id,
    grid_id,
    grid_kind,
    rule_type,
    rule_value,
    priority,
    village_code,
    valid_from,
    valid_to,
    is_grid_in_force
    and (valid_from is null or valid_from <= {{ business_date() }})
    and (valid_to is null or valid_to > {{ business_date() }}) as is_in_force,
    case
        when not is_grid_known then 'unknown_grid'
        when valid_to <= valid_from then 'empty_period'
        when rule_type = 'group_name' and not regexp_matches(rule_value, '^[^|]+\|[^|]+$') then 'not_a_group'
        when village_code is not null and not is_village_known then 'unknown_village'
        when rule_type = 'address' and length(replace(rule_value, '%', '')) < 2 then 'text_too_short'
        when rule_type = 'polygon' and not is_ring_valid then 'not_a_ring'
        when rule_type = 'polygon' and corners < 3 then 'fewer_than_three_corners'
        when rule_type = 'distance' and (radius_km is null or not radius_km > 0) then 'not_a_distance'
        when rule_type = 'distance' and (centre_latitude is null or centre_longitude is null) then 'no_centre'
    end as rule_fault,
    radius_km,
    centre_latitude,
    centre_longitude,
    west,
    east,
    south,
    north
from centred
