with

working_levels as (
    select
        levels.working_level,
        levels.level_order
    from (
        values
        ('head_office', 1),
        ('branch_head', 2),
        ('grid_head', 3),
        ('grid_keeper', 4),
        ('marketing_assistant', 5),
        ('maintenance_assistant', 6)
    ) as levels (working_level, level_order)
),

tree as (
    select * from {{ ref('int_grid__tree') }}
),

employees as (
    select * from {{ ref('stg_core__employee') }}
    where leave_date is null or leave_date > {{ business_date() }}
),

owners as (
    select
        owners.legal_entity_code,
        owners.grid_id,
        owners.role as working_level,
        owners.employee_id,
        owners.valid_from,
        employees.employee_name
    from {{ ref('stg_master__grid_owner') }} as owners
    inner join employees
        on
            owners.legal_entity_code = employees.legal_entity_code
            and owners.employee_id = employees.employee_id
    where {{ in_force('owners.valid_from', 'owners.valid_to') }}
),

-- the nearest grid on the way up that names somebody for the level; of several people the one named last
nearest as (
    select
        tree.legal_entity_code,
        tree.grid_id,
        owners.working_level,
        min_by(owners.employee_id, (tree.steps, -epoch(owners.valid_from), owners.employee_id)) as employee_id,
        min_by(owners.employee_name, (tree.steps, -epoch(owners.valid_from), owners.employee_id)) as employee_name,
        min_by(owners.valid_from, (tree.steps, -epoch(owners.valid_from), owners.employee_id)) as valid_from,
        min_by(owners.grid_id, (tree.steps, -epoch(owners.valid_from), owners.employee_id)) as named_for_grid_id,
        min(tree.steps) as steps
    from tree
    inner join owners
        on
            tree.legal_entity_code = owners.legal_entity_code
            and tree.ancestor_grid_id = owners.grid_id
    group by tree.legal_entity_code, tree.grid_id, owners.working_level
)

select
    grids.legal_entity_code,
    grids.grid_id,
    working_levels.working_level,
    working_levels.level_order,
    nearest.employee_id,
    nearest.employee_name,
    nearest.valid_from,
    nearest.named_for_grid_id,
    nearest.steps > 0 as is_inherited
from tree as grids
cross join working_levels
left join nearest
    on
        grids.legal_entity_code = nearest.legal_entity_code
        and grids.grid_id = nearest.grid_id
        and working_levels.working_level = nearest.working_level
where grids.steps = 0
