with

contacts as (
    select * from {{ ref('int_contact__collected') }}
    where
        contacted_at >= date_trunc('year', {{ business_date() }})
        and contacted_at < {{ business_date() }} + 1
),

employees as (
    select * from {{ ref('stg_core__employee') }}
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

customers as (
    select * from {{ ref('int_metric__base') }}
)

select
    contacts.legal_entity_code,
    {{ business_date() }} as business_date,
    contacts.outcome_id,
    customers.customer_id,
    {{ kpi_branch_code('employees.branch_code') }} as branch_code,
    employees.employee_id as manager_id,
    {{ kpi_manager_code('employees.employee_id', 'employees.branch_code') }} as manager_code,
    {{ kpi_dimensions('customers') }},
    contacts.channel,
    cast(contacts.contacted_at as date) as contact_date
from contacts
left join employees
    on
        contacts.legal_entity_code = employees.legal_entity_code
        and contacts.manager_id = employees.employee_id
left join identities
    on
        contacts.legal_entity_code = identities.legal_entity_code
        and contacts.customer_id = identities.source_key
left join customers
    on
        identities.legal_entity_code = customers.legal_entity_code
        and identities.customer_id = customers.customer_id
