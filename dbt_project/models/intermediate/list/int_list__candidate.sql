with

features as (
    select * from {{ ref('int_customer__features') }}
),

portfolios as (
    select * from {{ ref('int_metric__base') }}
),

employees as (
    select * from {{ ref('stg_core__employee') }}
    where leave_date is null or leave_date > {{ business_date() }}
),

-- Each list reads its own few columns: a shared CTE would be held in memory with all of them.
eligible as (
    {%- for list in var('lists') %}
    select
        legal_entity_code,
        {{ sql_text(list.code) }} as list_code,
        customer_id,
        cast({{ list.response }} as double) as response_rule,
        cast({{ list.value }} as double) as value_amount,
        {{ list.reason }} as reason
    from {{ ref('int_customer__features') }}
    where {{ list.eligible }}
    union all
    {%- endfor %}
    select
        legal_entity_code,
        cast(null as varchar) as list_code,
        customer_id,
        cast(null as double) as response_rule,
        cast(null as double) as value_amount,
        cast(null as varchar) as reason
    from {{ ref('int_customer__features') }}
    where false
)

select
    eligible.legal_entity_code,
    eligible.list_code,
    eligible.customer_id,
    features.core_customer_id,
    features.name_masked,
    features.phone_masked,
    features.branch_code,
    managers.employee_id as own_manager_id,
    -- The head of the grid stands in for a manager only within the customer's branch.
    grid_heads.employee_id as grid_manager_id,
    portfolios.portfolio_class,
    features.primary_grid_id,
    features.primary_grid_name as grid_name,
    features.is_minor,
    features.is_deceased,
    features.is_staff,
    features.is_overdue,
    features.worst_five_class,
    features.risk_list,
    features.opted_out_channels,
    features.authorised_channels,
    features.last_contacted_date,
    eligible.response_rule,
    eligible.value_amount,
    eligible.reason
from eligible
inner join features
    on
        eligible.legal_entity_code = features.legal_entity_code
        and eligible.customer_id = features.customer_id
left join portfolios
    on
        eligible.legal_entity_code = portfolios.legal_entity_code
        and eligible.customer_id = portfolios.customer_id
left join employees as managers
    on
        features.legal_entity_code = managers.legal_entity_code
        and features.manager_id = managers.employee_id
left join employees as grid_heads
    on
        features.legal_entity_code = grid_heads.legal_entity_code
        and features.grid_manager_id = grid_heads.employee_id
        and features.branch_code = grid_heads.branch_code
