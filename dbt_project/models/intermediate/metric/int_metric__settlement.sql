with

settlements as (
    select * from {{ ref('int_settlement__assessed') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
)

select
    settlements.legal_entity_code,
    {{ business_date() }} as business_date,
    settlements.customer_id,
    customers.branch_code,
    customers.manager_id,
    customers.manager_code,
    {{ kpi_dimensions('customers') }},
    settlements.settlement_status,
    -- where the estimate of the turnover is too low, no more than all of it is settled here
    least(settlements.settled_year, settlements.annual_turnover) as settled_year,
    settlements.annual_turnover
from settlements
inner join customers
    on
        settlements.legal_entity_code = customers.legal_entity_code
        and settlements.customer_id = customers.customer_id
