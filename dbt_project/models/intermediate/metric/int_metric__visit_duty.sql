with

duties as (
    select * from {{ ref('int_visit_duty__assessed') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
)

select
    duties.legal_entity_code,
    {{ business_date() }} as business_date,
    duties.customer_id,
    duties.rule_row,
    duties.period_start,
    customers.branch_code,
    customers.manager_id,
    customers.manager_code,
    {{ kpi_dimensions('customers') }},
    duties.is_current,
    duties.duty_status = 'done' as is_done
from duties
inner join customers
    on
        duties.legal_entity_code = customers.legal_entity_code
        and duties.customer_id = customers.customer_id
