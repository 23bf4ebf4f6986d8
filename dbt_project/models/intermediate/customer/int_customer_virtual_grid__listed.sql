with

assignments as (
    select * from {{ ref('int_customer_grid__assigned') }}
    where grid_kind = 'virtual'
),

grids as (
    select * from {{ ref('int_grid__owned') }}
)

select
    assignments.legal_entity_code,
    assignments.customer_id,
    string_agg(grids.grid_name, '、' order by assignments.grid_id) as virtual_grid_names
from assignments
inner join grids
    on
        assignments.legal_entity_code = grids.legal_entity_code
        and assignments.grid_id = grids.grid_id
group by assignments.legal_entity_code, assignments.customer_id
