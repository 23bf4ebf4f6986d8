{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
    pre_hook="{{ forget_days(var('grid_days_kept')) }}",
) }}

with

features as (
    select * from {{ ref('int_customer__features') }}
),

assignments as (
    select * from {{ ref('int_customer_grid__assigned') }}
    where is_primary
),

roster as (
    select * from {{ ref('int_household__member') }}
),

placed as (
    select * from {{ ref('int_customer_grid__placed') }}
    where rule_type not in ('village_code', 'group_name')
),

points as (
    select * from {{ ref('int_customer_point__located') }}
),

-- customers whom a rule can tell from their neighbours of the same village and group
told_apart as (
    select
        legal_entity_code,
        customer_id
    from placed
    union
    select
        legal_entity_code,
        customer_id
    from points
),

-- A household counts where its first member is, so that entity grids add up to the county.
members as (
    select
        features.*,
        assignments.grid_id as primary_grid,
        roster.group_name,
        told_apart.customer_id as told_apart_id,
        features.household_id is not null and row_number() over (
            partition by features.legal_entity_code, features.household_id order by features.customer_id
        ) = 1 as is_counted_household
    from features
    left join assignments
        on
            features.legal_entity_code = assignments.legal_entity_code
            and features.customer_id = assignments.customer_id
    left join roster
        on
            features.legal_entity_code = roster.legal_entity_code
            and features.customer_id = roster.customer_id
            and features.village_code = roster.village_code
    left join told_apart
        on
            features.legal_entity_code = told_apart.legal_entity_code
            and features.customer_id = told_apart.customer_id
),

aggregated as (
    select
        legal_entity_code,
        primary_grid as grid_id,
        -- of the customers, for rows without a grid
        if(primary_grid is null, coalesce(branch_code, 'none'), null) as unassigned_branch_code,
        village_code,
        group_name,
        told_apart_id as customer_id,
        {{ measured_grid_figures() }}
    from members
    group by all
)

select
    legal_entity_code,
    {{ business_date() }} as business_date,
    md5(concat_ws(
        '|', coalesce(grid_id, ''), coalesce(unassigned_branch_code, ''), coalesce(village_code, ''),
        coalesce(group_name, ''), coalesce(customer_id, '')
    )) as pool_key,
    grid_id,
    unassigned_branch_code,
    village_code,
    group_name,
    customer_id,
    {{ grid_figures() | join(',\n    ') }}
from aggregated
