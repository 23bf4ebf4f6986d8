with

tasks as (
    select * from {{ ref('int_task__followed') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

observed as (
    select * from {{ ref('int_customer_day__observed') }}
),

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
),

-- S3 table 6: what goes with the deposits that the customer has
matched as (
    {{ rule_matches('deposit_class_product', 'observed', ['legal_entity_code', 'customer_id']) }}
),

paired as (
    select
        matched.legal_entity_code,
        matched.customer_id,
        string_agg(rule_rows.products, '、' order by rule_rows.row_order) as products
    from matched
    inner join rule_rows
        on
            matched.legal_entity_code = rule_rows.legal_entity_code
            and matched.rule_row = rule_rows.rule_row
            and rule_rows.rule_code = 'deposit_class_product'
    group by matched.legal_entity_code, matched.customer_id
)

select
    tasks.legal_entity_code,
    {{ business_date() }} as business_date,
    tasks.task_id,
    tasks.created_date,
    tasks.iso_week,
    tasks.iso_week = strftime({{ business_date() }}, '%G-W%V') as is_this_week,
    tasks.rule_code,
    rule_rows.rule_name,
    tasks.rule_row,
    coalesce(rule_rows.row_name, '规则已撤销') as task_name,
    rule_rows.source as rule_source,
    tasks.customer_id,
    features.core_customer_id,
    features.name_masked,
    tasks.branch_code,
    branches.branch_name,
    tasks.manager_id,
    tasks.assignee_id,
    coalesce(assignees.manager_name, '未指定') as assignee_name,
    tasks.responsible_role,
    tasks.method as task_method,
    tasks.reason as task_reason,
    rule_rows.action,
    coalesce(rule_rows.products, paired.products) as products,
    tasks.priority,
    tasks.due_date,
    tasks.task_status,
    tasks.done_date,
    doers.manager_name as done_name
from tasks
left join features
    on
        tasks.legal_entity_code = features.legal_entity_code
        and tasks.customer_id = features.customer_id
left join rule_rows
    on
        tasks.legal_entity_code = rule_rows.legal_entity_code
        and tasks.rule_code = rule_rows.rule_code
        and tasks.rule_row = rule_rows.rule_row
left join paired
    on
        tasks.legal_entity_code = paired.legal_entity_code
        and tasks.customer_id = paired.customer_id
left join branches
    on
        tasks.legal_entity_code = branches.legal_entity_code
        and tasks.branch_code = branches.branch_code
left join managers as assignees
    on
        tasks.legal_entity_code = assignees.legal_entity_code
        and tasks.assignee_id = assignees.manager_id
left join managers as doers
    on
        tasks.legal_entity_code = doers.legal_entity_code
        and tasks.done_by = doers.manager_id
