{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
) }}

with

grids as (
    select * from {{ ref('mart_grid') }}
    where business_date = {{ business_date() }} and grid_kind = 'entity'
),

tree as (
    select * from {{ ref('int_grid__tree') }}
),

owned as (
    select * from {{ ref('int_grid__owned') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

levels as (
    select
        levels.grid_level,
        levels.level_order
    from (
        values
        ('bank', 1),
        ('county', 2),
        ('district', 3),
        ('town', 4),
        ('grid', 5)
    ) as levels (grid_level, level_order)
),

-- On each level every grid is part of one ancestor, or of what has none there; the bank is all of them.
placed as (
    select
        grids.*,
        levels.grid_level,
        levels.level_order,
        case
            when levels.grid_level = 'bank' then grids.legal_entity_code
            else coalesce(tree.ancestor_grid_id, 'none-' || levels.grid_level)
        end as ancestor_grid_id
    from grids
    cross join levels
    left join tree
        on
            grids.legal_entity_code = tree.legal_entity_code
            and grids.grid_id = tree.grid_id
            and levels.grid_level = tree.ancestor_level
),

summed as (
    select
        placed.legal_entity_code,
        placed.grid_level,
        placed.level_order,
        placed.ancestor_grid_id as grid_id,
        count(*) filter (where placed.grid_type <> 'unassigned') as grids,
        {{ summed_grid_figures("placed") }}
    from placed
    group by placed.legal_entity_code, placed.grid_level, placed.level_order, placed.ancestor_grid_id
)

select
    summed.legal_entity_code,
    {{ business_date() }} as business_date,
    summed.grid_level,
    summed.level_order,
    summed.grid_id,
    case
        when summed.grid_level = 'bank' then {{ sql_text(var("legal_entity_name")) }}
        else coalesce(owned.grid_name, '未分配')
    end as grid_name,
    owned.grid_type,
    owned.parent_grid_id,
    owned.path_names,
    owned.market_type,
    owned.branch_code,
    branches.branch_name,
    owned.owner_id,
    owned.owner_name,
    summed.grids,
    summed.{{ grid_figures() | join(',\n    summed.') }},
    {{ grid_rates("summed") }}
from summed
left join owned
    on
        summed.legal_entity_code = owned.legal_entity_code
        and summed.grid_id = owned.grid_id
left join branches
    on
        owned.legal_entity_code = branches.legal_entity_code
        and owned.branch_code = branches.branch_code
