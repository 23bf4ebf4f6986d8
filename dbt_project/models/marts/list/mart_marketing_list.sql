{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

waterfall as (
    select * from {{ ref('int_list__waterfall') }}
    where step_code in ('delivered', 'holdout')
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
)

select
    {{ business_date() }} as business_date,
    waterfall.legal_entity_code,
    waterfall.list_code,
    definitions.list_name,
    waterfall.list_code || '-' || strftime({{ business_date() }}, '%Y%m%d') as batch_id,
    waterfall.customer_id,
    waterfall.core_customer_id,
    waterfall.name_masked,
    coalesce(waterfall.phone_masked, '未登记') as phone_masked,
    waterfall.branch_code,
    branches.branch_name,
    waterfall.manager_id,
    managers.manager_name,
    waterfall.grid_name,
    waterfall.market_type,
    waterfall.segment_name,
    definitions.product_name,
    definitions.channel,
    waterfall.list_rank,
    waterfall.score,
    waterfall.reason,
    definitions.playbook,
    waterfall.step_code = 'holdout' as is_holdout,
    waterfall.valid_until
from waterfall
inner join definitions
    on
        waterfall.legal_entity_code = definitions.legal_entity_code
        and waterfall.list_code = definitions.list_code
left join branches
    on
        waterfall.legal_entity_code = branches.legal_entity_code
        and waterfall.branch_code = branches.branch_code
left join managers
    on
        waterfall.legal_entity_code = managers.legal_entity_code
        and waterfall.manager_id = managers.manager_id
