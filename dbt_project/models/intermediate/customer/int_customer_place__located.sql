with

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

assignments as (
    select * from {{ ref('int_customer_grid__assigned') }}
    where is_primary
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

villages as (
    select * from {{ ref('stg_master__village') }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
),

town_branches as (
    select
        legal_entity_code,
        town_code,
        min(branch_code) as branch_code
    from branches
    where branch_level = 'branch' and town_code is not null
    group by legal_entity_code, town_code
)

select
    customers.legal_entity_code,
    customers.customer_id,
    villages.village_name,
    villages.town_code,
    villages.town_name,
    coalesce(villages.market_type, grids.market_type, branches.market_type) as market_type,
    grids.grid_id as primary_grid_id,
    grids.grid_name as primary_grid_name,
    -- a village without a grid still lies in some branch's town
    coalesce(grids.branch_code, town_branches.branch_code) as grid_branch_code,
    grids.owner_id as grid_manager_id
from customers
left join assignments
    on
        customers.legal_entity_code = assignments.legal_entity_code
        and customers.customer_id = assignments.customer_id
left join grids
    on
        assignments.legal_entity_code = grids.legal_entity_code
        and assignments.grid_id = grids.grid_id
left join villages
    on
        customers.legal_entity_code = villages.legal_entity_code
        and customers.village_code = villages.village_code
left join branches
    on
        customers.legal_entity_code = branches.legal_entity_code
        and customers.branch_code = branches.branch_code
left join town_branches
    on
        villages.legal_entity_code = town_branches.legal_entity_code
        and villages.town_code = town_branches.town_code
