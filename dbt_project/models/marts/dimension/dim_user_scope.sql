with

employees as (
    select * from {{ ref('stg_core__employee') }}
    where
        (hire_date is null or hire_date <= {{ business_date() }})
        and (leave_date is null or leave_date > {{ business_date() }})
)

select
    legal_entity_code,
    login,
    role,
    -- head office and risk see every branch; a manager sees the own customers only
    if(role in ('head_office', 'risk'), null, branch_code) as branch_code,
    if(role in ('head_office', 'risk', 'branch_head', 'team_head'), null, employee_id) as manager_id
from employees
