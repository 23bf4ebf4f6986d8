with

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where status <> 'closed'
),

merchant_days as (
    select * from {{ ref('int_merchant_day__aggregated') }}
    where business_date <= {{ business_date() }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
),

turnover as (
    select
        legal_entity_code,
        merchant_id,
        sum(amount) as amount_30d
    from merchant_days
    where {{ within_days('transaction_date', 30) }}
    group by legal_entity_code, merchant_id
)

select
    merchants.legal_entity_code,
    {{ business_date() }} as business_date,
    merchants.merchant_id,
    merchants.customer_id,
    coalesce(customers.branch_code, {{ kpi_branch_code('merchants.branch_code') }}) as branch_code,
    customers.manager_id,
    coalesce(customers.manager_code, {{ kpi_manager_code('null', 'merchants.branch_code') }}) as manager_code,
    {{ kpi_dimensions('customers') }},
    merchants.signed_date,
    cast(coalesce(turnover.amount_30d, 0) as decimal(18, 2)) as amount_30d
from merchants
left join customers
    on
        merchants.legal_entity_code = customers.legal_entity_code
        and merchants.customer_id = customers.customer_id
left join turnover
    on
        merchants.legal_entity_code = turnover.legal_entity_code
        and merchants.merchant_id = turnover.merchant_id
