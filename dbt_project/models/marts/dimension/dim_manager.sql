with

employees as (
    select * from {{ ref('stg_core__employee') }}
    where hire_date is null or hire_date <= {{ business_date() }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
)

select
    employees.legal_entity_code,
    employees.employee_id as manager_id,
    employees.employee_name as manager_name,
    employees.role,
    employees.branch_code,
    branches.branch_name,
    employees.team_code,
    employees.hire_date,
    employees.leave_date,
    employees.leave_date is null or employees.leave_date > {{ business_date() }} as is_employed
from employees
left join branches
    on
        employees.legal_entity_code = branches.legal_entity_code
        and employees.branch_code = branches.branch_code
