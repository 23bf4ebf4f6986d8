with

employees as (
    select * from {{ ref('stg_core__employee') }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
    where is_bank_customer and manager_id is not null
),

visits as (
    select
        legal_entity_code,
        manager_id,
        count(*) as visits_month
    from {{ ref('stg_marketing__visit') }}
    where
        visited_at >= date_trunc('month', {{ business_date() }})
        and visited_at < {{ business_date() }} + 1
    group by legal_entity_code, manager_id
),

portfolios as (
    select
        legal_entity_code,
        manager_id,
        count(*) as managed_customers,
        count(*) filter (where portfolio_class = 'offline_credit') as offline_credit,
        count(*) filter (where portfolio_class = 'online_credit') as online_credit,
        count(*) filter (where portfolio_class = 'non_credit') as non_credit,
        sum(deposit_balance) as deposits,
        sum(outstanding) as outstanding,
        count(*) filter (where is_credited) as credited,
        count(*) filter (where is_drawn) as drawn,
        count(*) filter (
            where open_date >= date_trunc('month', {{ business_date() }}) and open_date <= {{ business_date() }}
        ) as new_customers_month
    from customers
    group by legal_entity_code, manager_id
)

select
    employees.legal_entity_code,
    employees.employee_id as manager_id,
    employees.employee_name as manager_name,
    employees.branch_code,
    branches.branch_name,
    coalesce(portfolios.managed_customers, 0) as managed_customers,
    coalesce(portfolios.offline_credit, 0) as offline_credit,
    coalesce(portfolios.online_credit, 0) as online_credit,
    coalesce(portfolios.non_credit, 0) as non_credit,
    cast(coalesce(portfolios.deposits, 0) as decimal(18, 2)) as deposits,
    cast(coalesce(portfolios.outstanding, 0) as decimal(18, 2)) as outstanding,
    coalesce(portfolios.credited, 0) as credited,
    coalesce(portfolios.drawn, 0) as drawn,
    coalesce(visits.visits_month, 0) as visits_month,
    coalesce(portfolios.new_customers_month, 0) as new_customers_month
from employees
left join branches
    on
        employees.legal_entity_code = branches.legal_entity_code
        and employees.branch_code = branches.branch_code
left join portfolios
    on
        employees.legal_entity_code = portfolios.legal_entity_code
        and employees.employee_id = portfolios.manager_id
left join visits
    on
        employees.legal_entity_code = visits.legal_entity_code
        and employees.employee_id = visits.manager_id
where
    employees.role = 'manager'
    and {{ in_force('coalesce(employees.hire_date, ' ~ business_date() ~ ')', 'employees.leave_date') }}
