with

assignments as (
    select * from {{ ref('int_customer_grid__assigned') }}
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

tree as (
    select * from {{ ref('int_grid__tree') }}
),

-- A park, circle or market is a column of its own; villages and groups are too small and stand together as their town.
columns_of_grids as (
    select
        grids.legal_entity_code,
        grids.grid_id,
        if(
            grids.grid_type in ('park', 'business_circle', 'wholesale_market'),
            grids.grid_id,
            coalesce(tree.ancestor_grid_id, grids.grid_id)
        ) as column_grid_id
    from grids
    left join tree
        on
            grids.legal_entity_code = tree.legal_entity_code
            and grids.grid_id = tree.grid_id
            and tree.ancestor_level = 'town'
)

select
    virtual_grids.legal_entity_code,
    virtual_grids.customer_id,
    virtual_grids.grid_id as row_grid_id,
    columns_of_grids.column_grid_id
from assignments as virtual_grids
inner join assignments as entity_grids
    on
        virtual_grids.legal_entity_code = entity_grids.legal_entity_code
        and virtual_grids.customer_id = entity_grids.customer_id
inner join columns_of_grids
    on
        entity_grids.legal_entity_code = columns_of_grids.legal_entity_code
        and entity_grids.grid_id = columns_of_grids.grid_id
where virtual_grids.grid_kind = 'virtual' and entity_grids.is_primary
