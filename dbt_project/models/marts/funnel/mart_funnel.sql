{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

events as (
    select * from {{ ref('fct_funnel_event') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

counted as (
    select
        legal_entity_code,
        stage_code,
        stage_name,
        stage_order,
        branch_code,
        market_type,
        segment_code,
        segment_name,
        channel,
        count(*) as customers,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as amount,
        median(days_from_previous) as median_days_from_previous
    from events
    group by all
)

select
    {{ business_date() }} as business_date,
    counted.legal_entity_code,
    counted.stage_code,
    counted.stage_name,
    counted.stage_order,
    counted.branch_code,
    branches.branch_name,
    counted.market_type,
    counted.segment_code,
    counted.segment_name,
    counted.channel,
    counted.customers,
    counted.amount,
    counted.median_days_from_previous
from counted
left join branches
    on
        counted.legal_entity_code = branches.legal_entity_code
        and counted.branch_code = branches.branch_code
