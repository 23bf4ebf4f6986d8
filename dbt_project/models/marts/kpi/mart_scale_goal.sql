{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}
with

goals (measure_code, goal_name, unit_name, goal, per_manager_goal, goal_order) as (
    values
    {%- for one in var('performance').goals %}
    (
        {{ sql_text(one.measure) }},
        {{ sql_text(one.name) }},
        {{ sql_text(one.unit) }},
        {{ one.goal }},
        {{ one.per_manager | default('null', true) }},
        {{ loop.index }}
    ),
    {%- endfor %}
    (null, null, null, null, null, null)
),

managers as (
    select * from {{ ref('int_kpi__manager') }}
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension = 'manager'
),

manager_values as (
    select
        managers.legal_entity_code,
        managers.manager_id,
        managers.manager_name,
        managers.branch_code,
        managers.branch_name,
        goals.measure_code,
        goals.goal_name,
        goals.unit_name,
        goals.goal_order,
        goals.goal,
        goals.per_manager_goal,
        case when goals.measure_code = 'managers' then 1 else coalesce(metric_values.value, 0) end as actual
    from managers
    inner join goals on goals.measure_code is not null
    left join metric_values
        on
            managers.legal_entity_code = metric_values.legal_entity_code
            and managers.manager_id = metric_values.dimension_value
            and goals.measure_code = metric_values.metric_code
),

members as (
    {{ by_dimension('manager_values', {'branch': 'branch_code', 'manager': 'manager_id'}) }}
),

summed as (
    select
        legal_entity_code,
        dimension as organisation_level,
        dimension_value as organisation_code,
        case dimension
            when 'manager' then any_value(manager_name)
            when 'branch' then any_value(branch_name)
            else {{ sql_text(var('legal_entity_name')) }}
        end as organisation_name,
        case when dimension <> 'bank' then any_value(branch_code) end as branch_code,
        case when dimension = 'manager' then any_value(manager_id) end as manager_id,
        measure_code,
        goal_name,
        unit_name,
        goal_order,
        goal,
        per_manager_goal,
        count(*) as managers,
        sum(actual) as actual,
        count(*) filter (where actual >= per_manager_goal) as managers_reaching
    from members
    group by
        legal_entity_code,
        dimension,
        dimension_value,
        measure_code,
        goal_name,
        unit_name,
        goal_order,
        goal,
        per_manager_goal
),

aimed as (
    select
        *,
        -- below the bank the goal is what is stated for each manager
        if(organisation_level = 'bank', goal, per_manager_goal * managers) as organisation_goal
    from summed
)

select
    {{ business_date() }} as business_date,
    legal_entity_code,
    organisation_level,
    organisation_code,
    organisation_name,
    branch_code,
    manager_id,
    measure_code,
    goal_name,
    unit_name,
    goal_order,
    managers,
    cast(organisation_goal as double) as goal,
    cast(actual as double) as actual,
    actual / organisation_goal as completion,
    cast(per_manager_goal as double) as per_manager_goal,
    case when measure_code <> 'managers' then actual / managers end as per_manager,
    case when measure_code <> 'managers' then managers_reaching end as managers_reaching
from aimed
where organisation_goal is not null
