-- A parent that is not in force, or that is its own descendant, ends the tree there: the grid keeps its own figures.
{{ config(severity='warn') }}
select
    grids.grid_id,
    grids.parent_grid_id
from {{ ref('int_grid__owned') }} as grids
left join {{ ref('int_grid__tree') }} as tree
    on
        grids.legal_entity_code = tree.legal_entity_code
        and grids.parent_grid_id = tree.grid_id
        and grids.grid_id = tree.ancestor_grid_id
left join {{ ref('int_grid__owned') }} as parents
    on
        grids.legal_entity_code = parents.legal_entity_code
        and grids.parent_grid_id = parents.grid_id
where grids.parent_grid_id is not null and (parents.grid_id is null or tree.grid_id is not null)
