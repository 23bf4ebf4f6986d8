{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
) }}

with

responsible as (
    select * from {{ ref('int_grid__responsible') }}
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
)

select
    responsible.legal_entity_code,
    {{ business_date() }} as business_date,
    responsible.grid_id,
    grids.grid_name,
    grids.grid_kind,
    grids.grid_type,
    grids.grid_level,
    grids.path_names,
    grids.branch_code,
    branches.branch_name,
    responsible.working_level,
    responsible.level_order,
    responsible.employee_id,
    coalesce(responsible.employee_name, '未指定') as employee_name,
    responsible.valid_from as responsible_since,
    responsible.named_for_grid_id,
    named_for.grid_name as named_for_grid_name,
    coalesce(responsible.is_inherited, false) as is_inherited
from responsible
inner join grids
    on
        responsible.legal_entity_code = grids.legal_entity_code
        and responsible.grid_id = grids.grid_id
left join grids as named_for
    on
        responsible.legal_entity_code = named_for.legal_entity_code
        and responsible.named_for_grid_id = named_for.grid_id
left join branches
    on
        grids.legal_entity_code = branches.legal_entity_code
        and grids.branch_code = branches.branch_code
