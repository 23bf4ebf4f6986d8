with recursive

grids as (
    select * from {{ ref('stg_master__grid') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

-- From each grid up to the top. More steps than there are levels mean that a parent is its own descendant.
climbed as (
    select
        legal_entity_code,
        grid_id,
        grid_id as ancestor_grid_id,
        0 as steps,
        parent_grid_id as next_grid_id
    from grids
    union all
    select
        climbed.legal_entity_code,
        climbed.grid_id,
        parents.grid_id as ancestor_grid_id,
        climbed.steps + 1 as steps,
        parents.parent_grid_id as next_grid_id
    from climbed
    inner join grids as parents
        on
            climbed.legal_entity_code = parents.legal_entity_code
            and climbed.next_grid_id = parents.grid_id
    where climbed.steps < 9
),

-- of a loop each ancestor counts once, at its first occurrence
ancestors as (
    select
        legal_entity_code,
        grid_id,
        ancestor_grid_id,
        min(steps) as steps
    from climbed
    group by legal_entity_code, grid_id, ancestor_grid_id
)

select
    ancestors.legal_entity_code,
    ancestors.grid_id,
    ancestors.ancestor_grid_id,
    grids.grid_name as ancestor_grid_name,
    case
        when grids.grid_type in ('county', 'district', 'town', 'group') then grids.grid_type
        else 'grid'
    end as ancestor_level,
    ancestors.steps
from ancestors
inner join grids
    on
        ancestors.legal_entity_code = grids.legal_entity_code
        and ancestors.ancestor_grid_id = grids.grid_id
