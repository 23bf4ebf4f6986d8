with

grids as (
    select * from {{ ref('stg_master__grid') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

owners as (
    select * from {{ ref('stg_master__grid_owner') }}
    where
        role in ('grid_head', 'branch_head', 'head_office')
        and {{ in_force('valid_from', 'valid_to') }}
),

employees as (
    select * from {{ ref('stg_core__employee') }}
    where leave_date is null or leave_date > {{ business_date() }}
),

heads as (
    select
        owners.legal_entity_code,
        owners.grid_id,
        max_by(
            owners.employee_id,
            (owners.role = 'grid_head', owners.role = 'branch_head', owners.valid_from, owners.employee_id)
        ) as owner_id
    from owners
    inner join employees
        on
            owners.legal_entity_code = employees.legal_entity_code
            and owners.employee_id = employees.employee_id
    group by owners.legal_entity_code, owners.grid_id
),

rules as (
    select * from {{ ref('int_grid_rule__parsed') }}
    where is_in_force and rule_fault is null
),

tree as (
    select * from {{ ref('int_grid__tree') }}
),

scenes as (
    select * from {{ ref('stg_master__scene') }}
),

grid_scenes as (
    select * from {{ ref('stg_master__grid_scene') }}
),

villages as (
    select * from {{ ref('stg_master__village') }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
),

memberships as (
    select
        rules.legal_entity_code,
        rules.grid_id,
        if(count(distinct villages.town_name) = 1, min(villages.town_name), null) as village_town_name
    from rules
    left join villages
        on
            rules.legal_entity_code = villages.legal_entity_code
            and rules.village_code = villages.village_code
    group by rules.legal_entity_code, rules.grid_id
),

paths as (
    select
        legal_entity_code,
        grid_id,
        max(ancestor_level) filter (where steps = 0) as grid_level,
        string_agg(ancestor_grid_id, '/' order by steps desc) as path_codes,
        string_agg(ancestor_grid_name, '/' order by steps desc) as path_names
    from tree
    group by legal_entity_code, grid_id
),

-- a grid may serve several scenes, and a scene has many grids
served as (
    select
        grid_scenes.legal_entity_code,
        grid_scenes.grid_id,
        string_agg(
            coalesce(scenes.scene_name, grid_scenes.scene_code), '、' order by grid_scenes.scene_code
        ) as scene_names
    from grid_scenes
    left join scenes
        on
            grid_scenes.legal_entity_code = scenes.legal_entity_code
            and grid_scenes.scene_code = scenes.scene_code
    group by grid_scenes.legal_entity_code, grid_scenes.grid_id
),

-- a park or a market has no village of its own: the town of its branch
branch_towns as (
    select distinct
        branches.legal_entity_code,
        branches.branch_code,
        villages.town_name as branch_town_name
    from branches
    inner join villages
        on
            branches.legal_entity_code = villages.legal_entity_code
            and branches.town_code = villages.town_code
)

select
    grids.legal_entity_code,
    grids.grid_id,
    grids.grid_name,
    grids.parent_grid_id,
    grids.grid_kind,
    grids.grid_type,
    paths.grid_level,
    paths.path_codes,
    paths.path_names,
    served.scene_names,
    grids.market_type,
    grids.branch_code,
    grids.latitude,
    grids.longitude,
    heads.owner_id,
    employees.employee_name as owner_name,
    coalesce(memberships.village_town_name, branch_towns.branch_town_name) as town_name,
    memberships.grid_id is not null as has_membership_rule,
    grids.valid_from,
    grids.valid_to
from grids
left join memberships
    on
        grids.legal_entity_code = memberships.legal_entity_code
        and grids.grid_id = memberships.grid_id
inner join paths
    on
        grids.legal_entity_code = paths.legal_entity_code
        and grids.grid_id = paths.grid_id
left join served
    on
        grids.legal_entity_code = served.legal_entity_code
        and grids.grid_id = served.grid_id
left join branch_towns
    on
        grids.legal_entity_code = branch_towns.legal_entity_code
        and grids.branch_code = branch_towns.branch_code
left join heads
    on
        grids.legal_entity_code = heads.legal_entity_code
        and grids.grid_id = heads.grid_id
left join employees
    on
        heads.legal_entity_code = employees.legal_entity_code
        and heads.owner_id = employees.employee_id
