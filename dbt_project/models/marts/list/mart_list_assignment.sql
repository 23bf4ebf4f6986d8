{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

dispatched as (
    select * from {{ ref('int_list__dispatched') }}
),

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

scored as (
    select * from {{ ref('int_list__scored') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
)

select
    {{ business_date() }} as business_date,
    dispatched.legal_entity_code,
    dispatched.list_code,
    definitions.list_name,
    definitions.priority,
    candidates.branch_code,
    coalesce(branches.branch_name, '未归属') as branch_name,
    coalesce(
        dispatched.assignment_basis,
        if(dispatched.unserved_reason = 'over_capacity', dispatched.limited_by || '_full', dispatched.unserved_reason)
    ) as assignment_result,
    dispatched.served as is_served,
    cast(count(*) as integer) as candidates,
    sum(scored.score) as expected_amount
from dispatched
inner join candidates
    on
        dispatched.legal_entity_code = candidates.legal_entity_code
        and dispatched.list_code = candidates.list_code
        and dispatched.customer_id = candidates.customer_id
inner join scored
    on
        dispatched.legal_entity_code = scored.legal_entity_code
        and dispatched.list_code = scored.list_code
        and dispatched.customer_id = scored.customer_id
inner join definitions
    on
        dispatched.legal_entity_code = definitions.legal_entity_code
        and dispatched.list_code = definitions.list_code
left join branches
    on
        candidates.legal_entity_code = branches.legal_entity_code
        and candidates.branch_code = branches.branch_code
group by all
