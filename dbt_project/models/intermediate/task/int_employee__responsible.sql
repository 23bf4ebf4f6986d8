with

employees as (
    select
        *,
        (hire_date is null or hire_date <= {{ business_date() }})
        and (leave_date is null or leave_date > {{ business_date() }}) as is_employed
    from {{ ref('stg_core__employee') }}
),

heads as (
    select
        legal_entity_code,
        branch_code,
        min(employee_id) filter (where role = 'branch_head') as branch_head_id,
        min(employee_id) filter (where role = 'team_head') as team_head_id
    from employees
    where is_employed
    group by legal_entity_code, branch_code
),

team_heads as (
    select
        legal_entity_code,
        branch_code,
        team_code,
        min(employee_id) as team_head_id
    from employees
    where is_employed and role = 'team_head' and team_code is not null
    group by legal_entity_code, branch_code, team_code
)

select
    employees.legal_entity_code,
    employees.employee_id as manager_id,
    employees.branch_code,
    -- whose manager has left is looked after by the head of the branch
    if(employees.is_employed, employees.employee_id, heads.branch_head_id) as acting_manager_id,
    coalesce(team_heads.team_head_id, heads.team_head_id, heads.branch_head_id) as team_head_id,
    heads.branch_head_id
from employees
left join heads
    on
        employees.legal_entity_code = heads.legal_entity_code
        and employees.branch_code = heads.branch_code
left join team_heads
    on
        employees.legal_entity_code = team_heads.legal_entity_code
        and employees.branch_code = team_heads.branch_code
        and employees.team_code = team_heads.team_code
