{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

memberships as (
    -- a prospect whose village no branch serves still counts
    select * replace (coalesce(branch_code, 'none') as branch_code)
    from {{ ref('fct_customer_tag') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

carried as (
    select
        legal_entity_code,
        tag_code,
        branch_code,
        max(tag_name) as tag_name,
        max(tag_family) as tag_family,
        count(*) as customers
    from memberships
    where valid_to is null
    group by legal_entity_code, tag_code, branch_code
),

-- a tag whose value changed is closed and opened on one day: that customer neither entered nor left
changed as (
    select
        legal_entity_code,
        tag_code,
        customer_id,
        max(branch_code) as branch_code,
        max(tag_name) as tag_name,
        max(tag_family) as tag_family,
        bool_or(valid_from = {{ business_date() }}) as is_opened,
        coalesce(bool_or(valid_to = {{ business_date() }}), false) as is_closed
    from memberships
    where valid_from = {{ business_date() }} or valid_to = {{ business_date() }}
    group by legal_entity_code, tag_code, customer_id
),

moved as (
    select
        legal_entity_code,
        tag_code,
        branch_code,
        max(tag_name) as tag_name,
        max(tag_family) as tag_family,
        count(*) filter (where is_opened and not is_closed) as entered_customers,
        count(*) filter (where is_closed and not is_opened) as left_customers
    from changed
    group by legal_entity_code, tag_code, branch_code
),

counted as (
    select
        legal_entity_code,
        tag_code,
        branch_code,
        max(tag_name) as tag_name,
        max(tag_family) as tag_family,
        sum(customers) as customers,
        sum(entered_customers) as entered_customers,
        sum(left_customers) as left_customers
    from (
        select
            legal_entity_code,
            tag_code,
            branch_code,
            tag_name,
            tag_family,
            customers,
            0 as entered_customers,
            0 as left_customers
        from carried
        union all
        select
            legal_entity_code,
            tag_code,
            branch_code,
            tag_name,
            tag_family,
            0 as customers,
            entered_customers,
            left_customers
        from moved
    )
    group by legal_entity_code, tag_code, branch_code
)

select
    {{ business_date() }} as business_date,
    counted.legal_entity_code,
    counted.tag_code,
    counted.tag_name,
    counted.tag_family,
    {{ tag_family_name('counted.tag_family') }} as family_name,
    counted.branch_code,
    coalesce(branches.branch_name, '未分配') as branch_name,
    cast(counted.customers as bigint) as customers,
    cast(counted.entered_customers as bigint) as entered_customers,
    cast(counted.left_customers as bigint) as left_customers
from counted
left join branches
    on
        counted.legal_entity_code = branches.legal_entity_code
        and counted.branch_code = branches.branch_code
