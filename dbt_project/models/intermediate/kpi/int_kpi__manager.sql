with

employees as (
    select * from {{ ref('stg_core__employee') }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
)

select
    employees.legal_entity_code,
    employees.employee_id as manager_id,
    employees.employee_name as manager_name,
    employees.branch_code,
    branches.branch_name,
    employees.hire_date
from employees
left join branches
    on
        employees.legal_entity_code = branches.legal_entity_code
        and employees.branch_code = branches.branch_code
where
    employees.role = 'manager'
    and {{ in_force('coalesce(employees.hire_date, ' ~ business_date() ~ ')', 'employees.leave_date') }}
