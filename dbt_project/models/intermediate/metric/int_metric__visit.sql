with

visits as (
    select * from {{ ref('int_visit__checked') }}
    where
        is_valid
        and visit_method = 'on_site'
        and visited_date >= date_trunc('year', {{ business_date() }})
),

employees as (
    select * from {{ ref('stg_core__employee') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
)

select
    visits.legal_entity_code,
    {{ business_date() }} as business_date,
    visits.visit_id,
    customers.customer_id,
    {{ kpi_branch_code('employees.branch_code') }} as branch_code,
    employees.employee_id as manager_id,
    {{ kpi_manager_code('employees.employee_id', 'employees.branch_code') }} as manager_code,
    {{ kpi_dimensions('customers') }},
    visits.visit_type,
    visits.visited_date as visit_date
from visits
left join employees
    on
        visits.legal_entity_code = employees.legal_entity_code
        and visits.manager_id = employees.employee_id
left join customers
    on
        visits.legal_entity_code = customers.legal_entity_code
        and visits.customer_id = customers.customer_id
