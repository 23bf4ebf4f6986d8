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
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

-- A household counts where its first member is, so that entity grids add up to the county.
members as (
    select
        *,
        row_number() over (partition by legal_entity_code, household_id order by customer_id) as household_place
    from features
),

-- every customer once: in the primary entity grid, or among the unassigned of the branch
entity_members as (
    select
        coalesce(assignments.grid_id, 'unassigned-' || coalesce(members.branch_code, 'none')) as grid_id,
        members.*,
        members.household_id is not null and members.household_place = 1 as is_counted_household
    from members
    left join assignments
        on
            members.legal_entity_code = assignments.legal_entity_code
            and members.customer_id = assignments.customer_id
            and assignments.is_primary
),

-- a virtual grid has whoever belongs; the same customer may be in several
virtual_members as (
    select
        assignments.grid_id,
        members.*,
        members.household_id is not null and row_number() over (
            partition by members.legal_entity_code, assignments.grid_id, members.household_id
            order by members.customer_id
        ) = 1 as is_counted_household
    from members
    inner join assignments
        on
            members.legal_entity_code = assignments.legal_entity_code
            and members.customer_id = assignments.customer_id
    where assignments.grid_kind = 'virtual'
),

all_members as (
    select * from entity_members
    union all
    select * from virtual_members
),

aggregated as (
    select
        legal_entity_code,
        grid_id,
        -- of the customers, for rows without a grid
        if(grid_id like 'unassigned-%', min(branch_code), null) as unassigned_branch_code,
        count(*) filter (where is_counted_household) as households,
        count(*) filter (where customer_type = 'person') as people,
        count(*) filter (where is_filed) as filed,
        count(*) filter (where is_evaluated) as evaluated,
        count(*) filter (where is_whitelisted) as whitelisted,
        count(*) filter (where is_credited) as credited,
        count(*) filter (where is_drawn) as drawn,
        count(*) filter (where merchant_id is not null) as merchants,
        count(*) filter (where is_bank_customer) as customers,
        count(*) filter (where is_bank_customer and customer_type = 'person') as person_customers,
        sum(deposit_balance) as deposits,
        sum(outstanding) as outstanding
    from all_members
    group by legal_entity_code, grid_id
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
        aggregated.households,
        aggregated.people,
        aggregated.filed,
        aggregated.evaluated,
        aggregated.whitelisted,
        aggregated.credited,
        aggregated.drawn,
        aggregated.merchants,
        aggregated.customers,
        aggregated.person_customers,
        aggregated.deposits,
        aggregated.outstanding
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
    coalesce(described.households, 0) as households,
    coalesce(described.people, 0) as people,
    coalesce(described.filed, 0) as filed,
    coalesce(described.evaluated, 0) as evaluated,
    coalesce(described.whitelisted, 0) as whitelisted,
    coalesce(described.credited, 0) as credited,
    coalesce(described.drawn, 0) as drawn,
    coalesce(described.merchants, 0) as merchants,
    coalesce(described.customers, 0) as customers,
    cast(coalesce(described.deposits, 0) as decimal(18, 2)) as deposits,
    cast(coalesce(described.outstanding, 0) as decimal(18, 2)) as outstanding,
    described.person_customers / nullif(described.people, 0) as penetration
from described
left join branches
    on
        described.legal_entity_code = branches.legal_entity_code
        and described.branch_code = branches.branch_code
