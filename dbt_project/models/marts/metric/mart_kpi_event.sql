with

visits as (
    select * from {{ ref('int_metric__visit') }}
),

merchants as (
    select * from {{ ref('int_metric__merchant') }}
),

loans as (
    select * from {{ ref('int_metric__loan') }}
),

applications as (
    select * from {{ ref('int_metric__pipeline') }}
    where entered_date >= date_trunc('year', {{ business_date() }})
),

contacts as (
    select * from {{ ref('int_metric__contact') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
),

members as (
    select * from {{ ref('int_metric__dimension') }}
),

events as (
    select
        legal_entity_code,
        business_date,
        'visit' as event_kind,
        visit_id as event_id,
        visit_date as event_date,
        customer_id,
        branch_code,
        manager_code,
        visit_type,
        cast(null as decimal(18, 2)) as amount
    from visits
    union all
    select
        legal_entity_code,
        business_date,
        'merchant' as event_kind,
        merchant_id as event_id,
        signed_date as event_date,
        customer_id,
        branch_code,
        manager_code,
        cast(null as varchar) as visit_type,
        amount_30d as amount
    from merchants
    union all
    select
        legal_entity_code,
        business_date,
        'loan' as event_kind,
        loan_id as event_id,
        disbursed_date as event_date,
        customer_id,
        branch_code,
        manager_code,
        cast(null as varchar) as visit_type,
        loan_amount as amount
    from loans
    union all
    select
        legal_entity_code,
        business_date,
        'application' as event_kind,
        application_id as event_id,
        entered_date as event_date,
        customer_id,
        branch_code,
        manager_code,
        cast(null as varchar) as visit_type,
        application_amount as amount
    from applications
    union all
    select
        legal_entity_code,
        business_date,
        'contact' as event_kind,
        outcome_id as event_id,
        contact_date as event_date,
        customer_id,
        branch_code,
        manager_code,
        cast(null as varchar) as visit_type,
        cast(null as decimal(18, 2)) as amount
    from contacts
)

select
    events.legal_entity_code,
    events.business_date,
    events.event_kind,
    events.event_id,
    events.event_date,
    events.customer_id,
    customers.core_customer_id,
    customers.name_masked,
    events.branch_code,
    branches.dimension_name as branch_name,
    managers.manager_id,
    events.manager_code,
    managers.dimension_name as manager_name,
    events.visit_type,
    events.amount
from events
left join customers
    on
        events.legal_entity_code = customers.legal_entity_code
        and events.customer_id = customers.customer_id
left join members as branches
    on
        events.legal_entity_code = branches.legal_entity_code
        and branches.dimension = 'branch'
        and events.branch_code = branches.dimension_value
left join members as managers
    on
        events.legal_entity_code = managers.legal_entity_code
        and managers.dimension = 'manager'
        and events.manager_code = managers.dimension_value
