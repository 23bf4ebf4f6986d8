{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
) }}

with

cells as (
    select * from {{ ref('int_marketing_map__placed') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

visited as (
    select * from {{ ref('int_customer_week__visited') }}
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

members as (
    select
        cells.legal_entity_code,
        cells.row_grid_id,
        cells.column_grid_id,
        features.branch_code,
        coalesce(features.manager_id, features.grid_manager_id, grids.owner_id) as manager_id,
        features.is_bank_customer,
        features.is_credited,
        features.is_drawn,
        features.deposit_balance,
        features.outstanding,
        coalesce(visited.is_planned, false) as is_planned,
        coalesce(visited.visits, 0) as visits
    from cells
    inner join features
        on
            cells.legal_entity_code = features.legal_entity_code
            and cells.customer_id = features.customer_id
    inner join grids
        on
            cells.legal_entity_code = grids.legal_entity_code
            and cells.column_grid_id = grids.grid_id
    left join visited
        on
            cells.legal_entity_code = visited.legal_entity_code
            and cells.customer_id = visited.customer_id
),

summed as (
    select
        legal_entity_code,
        row_grid_id,
        column_grid_id,
        branch_code,
        manager_id,
        count(*) as people,
        count(*) filter (where is_bank_customer) as customers,
        count(*) filter (where is_credited) as credited,
        count(*) filter (where is_drawn) as drawn,
        cast(sum(deposit_balance) as decimal(18, 2)) as deposits,
        cast(sum(outstanding) as decimal(18, 2)) as outstanding,
        count(*) filter (where is_planned) as visits_planned,
        count(*) filter (where is_planned and visits > 0) as visits_planned_done,
        cast(sum(visits) as bigint) as visits_done
    from members
    group by all
)

select
    summed.legal_entity_code,
    {{ business_date() }} as business_date,
    strftime({{ business_date() }}, '%G-W%V') as iso_week,
    summed.row_grid_id,
    row_grids.grid_name as row_grid_name,
    row_grids.grid_type as row_grid_type,
    row_grids.owner_name as row_owner_name,
    summed.column_grid_id,
    column_grids.grid_name as column_grid_name,
    column_grids.grid_type as column_grid_type,
    column_grids.owner_name as column_owner_name,
    summed.branch_code,
    branches.branch_name,
    summed.manager_id,
    coalesce(managers.manager_name, '未指定') as manager_name,
    summed.people,
    summed.customers,
    summed.credited,
    summed.drawn,
    summed.deposits,
    summed.outstanding,
    summed.visits_planned,
    summed.visits_planned_done,
    summed.visits_done
from summed
inner join grids as row_grids
    on
        summed.legal_entity_code = row_grids.legal_entity_code
        and summed.row_grid_id = row_grids.grid_id
inner join grids as column_grids
    on
        summed.legal_entity_code = column_grids.legal_entity_code
        and summed.column_grid_id = column_grids.grid_id
left join branches
    on
        summed.legal_entity_code = branches.legal_entity_code
        and summed.branch_code = branches.branch_code
left join managers
    on
        summed.legal_entity_code = managers.legal_entity_code
        and summed.manager_id = managers.manager_id
