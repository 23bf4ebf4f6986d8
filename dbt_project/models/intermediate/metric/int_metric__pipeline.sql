with

applications as (
    select
        legal_entity_code,
        application_id,
        max(customer_id) as core_customer_id,
        max(case when id_number_is_valid then id_number_key end) as id_number_key,
        max(list_code) as list_code,
        max(application_amount) as application_amount,
        min(cast(event_time as date)) as entered_date,
        min(case when stage = 'disbursed' then cast(event_time as date) end) as landed_date
    from {{ ref('stg_credit__application_event') }}
    where cast(event_time as date) <= {{ business_date() }}
    group by legal_entity_code, application_id
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

customers as (
    select * from {{ ref('int_metric__base') }}
),

people as (
    select
        legal_entity_code,
        id_number_key,
        min(customer_id) as customer_id
    from {{ ref('int_customer__resolved') }}
    where id_number_key is not null
    group by legal_entity_code, id_number_key
)

select
    applications.legal_entity_code,
    {{ business_date() }} as business_date,
    applications.application_id,
    customers.customer_id,
    {{ kpi_branch_code('customers.branch_code') }} as branch_code,
    {{ kpi_dimensions('customers') }},
    coalesce(customers.manager_code, {{ kpi_manager_code('null', 'null') }}) as manager_code,
    applications.list_code,
    applications.application_amount,
    applications.entered_date,
    applications.landed_date,
    applications.landed_date is not null as is_landed
from applications
left join identities
    on
        applications.legal_entity_code = identities.legal_entity_code
        and applications.core_customer_id = identities.source_key
left join people
    on
        applications.legal_entity_code = people.legal_entity_code
        and applications.id_number_key = people.id_number_key
left join customers
    on
        applications.legal_entity_code = customers.legal_entity_code
        and coalesce(identities.customer_id, people.customer_id) = customers.customer_id
