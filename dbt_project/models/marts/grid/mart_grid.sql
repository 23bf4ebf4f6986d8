{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
) }}

with

features as (
    select * from {{ ref('int_customer__features') }}
),

assignments as (
    select * from {{ ref('int_customer_grid__assigned') }}
    where grid_kind = 'virtual'
),

pools as (
    select * from {{ ref('int_grid_day__pooled') }}
    where business_date = {{ business_date() }}
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

-- every customer once: in the primary entity grid, or among the unassigned of the branch
entity_grids as (
    select
        pools.legal_entity_code,
        coalesce(pools.grid_id, 'unassigned-' || pools.unassigned_branch_code) as grid_id,
        -- of the customers, for rows without a grid
        nullif(min(pools.unassigned_branch_code), 'none') as unassigned_branch_code,
        {{ summed_grid_figures("pools") }}
    from pools
    group by pools.legal_entity_code, coalesce(pools.grid_id, 'unassigned-' || pools.unassigned_branch_code)
),

-- a virtual grid has whoever belongs; the same customer may be in several
virtual_members as (
    select
        assignments.grid_id,
        features.*,
        features.household_id is not null and row_number() over (
            partition by features.legal_entity_code, assignments.grid_id, features.household_id
            order by features.customer_id
        ) = 1 as is_counted_household
    from features
    inner join assignments
        on
            features.legal_entity_code = assignments.legal_entity_code
            and features.customer_id = assignments.customer_id
),

virtual_grids as (
    select
        legal_entity_code,
        grid_id,
        cast(null as varchar) as unassigned_branch_code,
        {{ measured_grid_figures() }}
    from virtual_members
    group by legal_entity_code, grid_id
),

aggregated as (
    select * from entity_grids
    union all
    select * from virtual_grids
),

-- grids that customers can belong to, empty ones included, and the unassigned
listed as (
    select
        legal_entity_code,
        grid_id
    from grids
    where has_membership_rule
    union
    select
        legal_entity_code,
        grid_id
    from aggregated
),

described as (
    select
        listed.legal_entity_code,
        listed.grid_id,
        coalesce(grids.grid_name, '未分配') as grid_name,
        coalesce(grids.grid_kind, 'entity') as grid_kind,
        coalesce(grids.grid_type, 'unassigned') as grid_type,
        grids.market_type,
        grids.town_name,
        coalesce(grids.branch_code, aggregated.unassigned_branch_code) as branch_code,
        grids.owner_id,
        grids.owner_name,
        grids.parent_grid_id,
        aggregated.{{ grid_figures() | join(',\n        aggregated.') }}
    from listed
    left join grids
        on
            listed.legal_entity_code = grids.legal_entity_code
            and listed.grid_id = grids.grid_id
    left join aggregated
        on
            listed.legal_entity_code = aggregated.legal_entity_code
            and listed.grid_id = aggregated.grid_id
)

select
    described.legal_entity_code,
    {{ business_date() }} as business_date,
    described.grid_id,
    described.grid_name,
    described.grid_kind,
    described.grid_type,
    coalesce(described.market_type, branches.market_type) as market_type,
    described.town_name,
    described.branch_code,
    branches.branch_name,
    described.owner_id,
    described.owner_name,
    described.parent_grid_id,
    {%- for figure in grid_figures() %}
    coalesce(described.{{ figure }}, 0) as {{ figure }},
    {%- endfor %}
    {{ grid_rates("described") }}
from described
left join branches
    on
        described.legal_entity_code = branches.legal_entity_code
        and described.branch_code = branches.branch_code
