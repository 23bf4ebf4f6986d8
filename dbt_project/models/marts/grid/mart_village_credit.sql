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
)

select
    paced.legal_entity_code,
    {{ business_date() }} as business_date,
    coalesce(paced.village_code, 'unknown') as village_code,
    coalesce(paced.village_name, '未知村(社区)') as village_name,
    paced.town_name,
    paced.market_type,
    paced.grid_id,
    grids.branch_code,
    branches.branch_name,
    heads.employee_id as head_id,
    heads.employee_name as head_name,
    keepers.employee_name as keeper_name,
    paced.registered_households,
    paced.roster_households,
    paced.roster_people,
    paced.roster_people / nullif(paced.roster_households, 0) as people_per_household,
    paced.roster_households / nullif(paced.registered_households, 0) as filing_rate,
    paced.evaluated_households,
    paced.evaluated,
    paced.whitelisted,
    paced.whitelisted_amount,
    paced.signed,
    paced.drawn,
    paced.signings_1d,
    paced.signings_7d,
    paced.signings_30d,
    paced.signings_per_day_7d,
    paced.signings_per_day_30d,
    cast(paced.target_value as bigint) as target_signed,
    paced.target_date,
    paced.signed / nullif(paced.target_value, 0) as completion,
    cast(paced.to_sign as bigint) as to_sign,
    -- at the pace of the last 30 days; nobody signed in that time: no date
    if(
        paced.to_sign = 0,
        {{ business_date() }},
        cast({{ business_date() }} + cast(ceil(paced.to_sign / nullif(paced.signings_per_day_30d, 0)) as integer) as date)
    ) as projected_date,
    case
        when paced.target_value is null then 'no_target'
        when paced.to_sign = 0 then 'reached'
        when paced.signings_30d = 0 then 'standing_still'
        when ceil(paced.to_sign / paced.signings_per_day_30d) <= paced.target_date - {{ business_date() }} then 'on_course'
        else 'behind'
    end as target_status
from paced
left join grids
    on
        paced.legal_entity_code = grids.legal_entity_code
        and paced.grid_id = grids.grid_id
left join branches
    on
        grids.legal_entity_code = branches.legal_entity_code
        and grids.branch_code = branches.branch_code
left join heads
    on
        paced.legal_entity_code = heads.legal_entity_code
        and paced.grid_id = heads.grid_id
left join keepers
    on
        paced.legal_entity_code = keepers.legal_entity_code
        and paced.grid_id = keepers.grid_id
