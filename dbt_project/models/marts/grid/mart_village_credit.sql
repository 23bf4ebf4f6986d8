{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
) }}

with

villages as (
    select * from {{ ref('int_village__credited') }}
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

responsible as (
    select * from {{ ref('int_grid__responsible') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

heads as (
    select * from responsible
    where working_level = 'grid_head'
),

keepers as (
    select * from responsible
    where working_level = 'grid_keeper'
),

paced as (
    select
        *,
        signings_7d / 7.0 as signings_per_day_7d,
        signings_30d / 30.0 as signings_per_day_30d,
        if(target_value is null, null, greatest(target_value - signed, 0)) as to_sign
    from villages
),

-- at the pace of the last 30 days; nobody signed in that time: no date
projected as (
    select
        *,
        if(
            to_sign = 0,
            {{ business_date() }},
            {{ business_date() }} + cast(ceil(to_sign / nullif(signings_per_day_30d, 0)) as integer)
        ) as projected_date
    from paced
)

select
    projected.legal_entity_code,
    {{ business_date() }} as business_date,
    coalesce(projected.village_code, 'unknown') as village_code,
    coalesce(projected.village_name, '未知村(社区)') as village_name,
    projected.town_name,
    projected.market_type,
    projected.grid_id,
    grids.branch_code,
    branches.branch_name,
    heads.employee_id as head_id,
    heads.employee_name as head_name,
    keepers.employee_name as keeper_name,
    projected.registered_households,
    projected.roster_households,
    projected.roster_people,
    projected.roster_people / nullif(projected.roster_households, 0) as people_per_household,
    projected.roster_households / nullif(projected.registered_households, 0) as filing_rate,
    projected.evaluated_households,
    projected.evaluated,
    projected.whitelisted,
    projected.whitelisted_amount,
    projected.signed,
    projected.drawn,
    projected.signings_1d,
    projected.signings_7d,
    projected.signings_30d,
    projected.signings_per_day_7d,
    projected.signings_per_day_30d,
    cast(projected.target_value as bigint) as target_signed,
    projected.target_date,
    projected.signed / nullif(projected.target_value, 0) as completion,
    cast(projected.to_sign as bigint) as to_sign,
    projected.projected_date,
    coalesce(strftime(projected.projected_date, '%Y-%m-%d'), '—') as projected_name,
    case
        when projected.target_value is null then 'no_target'
        when projected.to_sign = 0 then 'reached'
        when projected.projected_date is null then 'standing_still'
        when projected.projected_date <= projected.target_date then 'on_course'
        else 'behind'
    end as target_status
from projected
left join grids
    on
        projected.legal_entity_code = grids.legal_entity_code
        and projected.grid_id = grids.grid_id
left join branches
    on
        grids.legal_entity_code = branches.legal_entity_code
        and grids.branch_code = branches.branch_code
left join heads
    on
        projected.legal_entity_code = heads.legal_entity_code
        and projected.grid_id = heads.grid_id
left join keepers
    on
        projected.legal_entity_code = keepers.legal_entity_code
        and projected.grid_id = keepers.grid_id
