{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

waterfall as (
    select * from {{ ref('int_list__waterfall') }}
),

steps as (
    select * from {{ ref('int_list__step') }}
    where step_order is not null
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

starts as (
    select
        legal_entity_code,
        list_code,
        branch_code,
        count(*) as eligible
    from waterfall
    group by legal_entity_code, list_code, branch_code
    union all
    -- A list that nobody is eligible for shows as such.
    select
        definitions.legal_entity_code,
        definitions.list_code,
        cast(null as varchar) as branch_code,
        0 as eligible
    from definitions
    anti join waterfall
        on
            definitions.legal_entity_code = waterfall.legal_entity_code
            and definitions.list_code = waterfall.list_code
),

removals as (
    select
        legal_entity_code,
        list_code,
        branch_code,
        step_code,
        count(*) as removed
    from waterfall
    where step_code <> 'delivered'
    group by legal_entity_code, list_code, branch_code, step_code
),

counted as (
    select
        starts.legal_entity_code,
        starts.list_code,
        starts.branch_code,
        steps.step_order,
        steps.step_code,
        steps.step_name,
        starts.eligible,
        coalesce(removals.removed, 0) as removed
    from starts
    cross join steps
    left join removals
        on
            starts.legal_entity_code = removals.legal_entity_code
            and starts.list_code = removals.list_code
            and starts.branch_code is not distinct from removals.branch_code
            and steps.step_code = removals.step_code
)

select
    {{ business_date() }} as business_date,
    counted.legal_entity_code,
    counted.list_code,
    definitions.list_name,
    definitions.is_due,
    counted.branch_code,
    branches.branch_name,
    counted.step_order,
    counted.step_code,
    counted.step_name,
    counted.removed,
    cast(
        counted.eligible - sum(counted.removed) over (
            partition by counted.legal_entity_code, counted.list_code, counted.branch_code
            order by counted.step_order
        ) as bigint
    ) as remaining
from counted
inner join definitions
    on
        counted.legal_entity_code = definitions.legal_entity_code
        and counted.list_code = definitions.list_code
left join branches
    on
        counted.legal_entity_code = branches.legal_entity_code
        and counted.branch_code = branches.branch_code
