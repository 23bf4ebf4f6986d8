with

grids as (
    select * from {{ ref('int_grid__owned') }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
)

select
    grids.legal_entity_code,
    grids.grid_id,
    grids.grid_name,
    grids.parent_grid_id,
    grids.grid_kind,
    grids.grid_type,
    grids.grid_level,
    grids.path_codes,
    grids.path_names,
    grids.scene_names,
    grids.market_type,
    grids.branch_code,
    branches.branch_name,
    grids.owner_id,
    grids.owner_name,
    grids.latitude,
    grids.longitude,
    grids.valid_from,
    grids.valid_to
from grids
left join branches
    on
        grids.legal_entity_code = branches.legal_entity_code
        and grids.branch_code = branches.branch_code
