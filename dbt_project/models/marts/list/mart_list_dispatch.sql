{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

capacities as (
    select * from {{ ref('int_list__capacity') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

dispatched as (
    select * from {{ ref('int_list__dispatched') }}
    where served
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

-- a channel that no list uses says nothing
used as (
    select distinct
        legal_entity_code,
        channel
    from definitions
),

taken as (
    select
        dispatched.legal_entity_code,
        dispatched.manager_id,
        definitions.channel,
        count(*) as taken
    from dispatched
    inner join definitions
        on
            dispatched.legal_entity_code = definitions.legal_entity_code
            and dispatched.list_code = definitions.list_code
    group by dispatched.legal_entity_code, dispatched.manager_id, definitions.channel
)

select
    {{ business_date() }} as business_date,
    capacities.legal_entity_code,
    capacities.branch_code,
    branches.branch_name,
    capacities.manager_id,
    managers.manager_name,
    capacities.is_team,
    capacities.channel,
    capacities.capacity,
    capacities.held,
    cast(coalesce(taken.taken, 0) as integer) as taken,
    cast(capacities.free - coalesce(taken.taken, 0) as integer) as places_left
from capacities
inner join used
    on
        capacities.legal_entity_code = used.legal_entity_code
        and capacities.channel = used.channel
left join taken
    on
        capacities.legal_entity_code = taken.legal_entity_code
        and capacities.manager_id = taken.manager_id
        and capacities.channel = taken.channel
left join branches
    on
        capacities.legal_entity_code = branches.legal_entity_code
        and capacities.branch_code = branches.branch_code
left join managers
    on
        capacities.legal_entity_code = managers.legal_entity_code
        and capacities.manager_id = managers.manager_id
