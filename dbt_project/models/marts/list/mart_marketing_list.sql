{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

open_rows as (
    select * from {{ ref('fct_list_row') }}
    where
        listed_date <= {{ business_date() }}
        and (closed_date is null or closed_date > {{ business_date() }})
),

standing as (
    select * from {{ ref('int_list__standing') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
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
    open_rows.legal_entity_code,
    open_rows.list_code,
    definitions.list_name,
    open_rows.batch_id,
    open_rows.row_id,
    open_rows.listed_date,
    if(open_rows.listed_date = {{ business_date() }}, 'new', 'open') as listing_state,
    coalesce(standing.batch_state, 'proposed') as batch_state,
    open_rows.customer_id,
    open_rows.core_customer_id,
    features.name_masked,
    coalesce(features.phone_masked, '未登记') as phone_masked,
    open_rows.branch_code,
    branches.branch_name,
    open_rows.manager_id,
    managers.manager_name,
    open_rows.assignment_basis,
    features.primary_grid_id,
    features.primary_grid_name as grid_name,
    features.market_type,
    features.segment_name,
    definitions.product_code,
    definitions.product_name,
    definitions.channel,
    definitions.material_id,
    case
        when not open_rows.is_holdout
            then row_number() over (
                partition by
                    open_rows.legal_entity_code, open_rows.list_code, open_rows.branch_code, open_rows.manager_id,
                    open_rows.is_holdout
                order by open_rows.score desc, open_rows.customer_id asc
            )
    end as list_rank,
    open_rows.score,
    open_rows.response_probability,
    open_rows.value_amount,
    open_rows.scored_by,
    open_rows.score_reason,
    open_rows.reason,
    definitions.playbook,
    open_rows.is_holdout,
    open_rows.valid_until
from open_rows
inner join definitions
    on
        open_rows.legal_entity_code = definitions.legal_entity_code
        and open_rows.list_code = definitions.list_code
inner join features
    on
        open_rows.legal_entity_code = features.legal_entity_code
        and open_rows.customer_id = features.customer_id
left join standing
    on
        open_rows.legal_entity_code = standing.legal_entity_code
        and open_rows.row_id = standing.row_id
left join branches
    on
        open_rows.legal_entity_code = branches.legal_entity_code
        and open_rows.branch_code = branches.branch_code
left join managers
    on
        open_rows.legal_entity_code = managers.legal_entity_code
        and open_rows.manager_id = managers.manager_id
