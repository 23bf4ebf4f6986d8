with

tasks as (
    select * from {{ ref('int_task__followed') }}
),

employees as (
    select * from {{ ref('stg_core__employee') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
)

select
    tasks.legal_entity_code,
    {{ business_date() }} as business_date,
    tasks.task_id,
    tasks.customer_id,
    {{ kpi_branch_code('employees.branch_code') }} as branch_code,
    employees.employee_id as manager_id,
    {{ kpi_manager_code('employees.employee_id', 'employees.branch_code') }} as manager_code,
    {{ kpi_dimensions('customers') }},
    tasks.due_date,
    tasks.task_status = 'done' as is_done
from tasks
left join employees
    on
        tasks.legal_entity_code = employees.legal_entity_code
        and tasks.assignee_id = employees.employee_id
left join customers
    on
        tasks.legal_entity_code = customers.legal_entity_code
        and tasks.customer_id = customers.customer_id
