with

events as (
    select * from {{ ref('stg_credit__application_event') }}
    where cast(event_time as date) <= {{ business_date() }}
),

stages as (
    select * from {{ ref('int_application__stage') }}
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

people as (
    select
        legal_entity_code,
        id_number_key,
        min(customer_id) as customer_id
    from {{ ref('int_customer__resolved') }}
    where id_number_key is not null
    group by legal_entity_code, id_number_key
),

applications as (
    select
        legal_entity_code,
        application_id,
        max(customer_id) as core_customer_id,
        max(id_number_key) as id_number_key,
        max(list_code) as list_code,
        max(application_amount) as application_amount,
        bool_or(referrer_customer_id is not null) as is_referred,
        max_by(product_code, event_time) as product_code,
        max_by(channel, event_time) as channel,
        max_by(branch_code, event_time) filter (where branch_code is not null) as branch_code,
        max_by(manager_id, event_time) filter (where manager_id is not null) as manager_id
    from events
    group by legal_entity_code, application_id
),

ordered as (
    select
        events.legal_entity_code,
        events.application_id,
        events.stage as stage_code,
        stages.stage_name,
        stages.stage_order,
        events.event_time as entered_at,
        lag(events.event_time) over application as previous_entered_at,
        lead(events.stage) over application as next_stage_code
    from events
    inner join stages on events.stage = stages.stage_code
    window application as (
        partition by events.legal_entity_code, events.application_id
        order by events.event_time, stages.stage_order
    )
)

select
    ordered.legal_entity_code,
    ordered.application_id,
    -- An applicant who is not yet a customer is known by ID number.
    coalesce(identities.customer_id, people.customer_id) as customer_id,
    ordered.stage_code,
    ordered.stage_name,
    ordered.stage_order,
    ordered.entered_at,
    cast(ordered.entered_at as date) - cast(ordered.previous_entered_at as date) as days_from_previous,
    case
        when ordered.next_stage_code is null then 'standing'
        when ordered.next_stage_code = 'rejected' then 'rejected'
        else 'passed'
    end as stage_outcome,
    applications.channel,
    applications.product_code,
    applications.branch_code,
    applications.manager_id,
    applications.list_code,
    applications.is_referred,
    applications.application_amount
from ordered
inner join applications
    on
        ordered.legal_entity_code = applications.legal_entity_code
        and ordered.application_id = applications.application_id
left join identities
    on
        applications.legal_entity_code = identities.legal_entity_code
        and applications.core_customer_id = identities.source_key
left join people
    on
        applications.legal_entity_code = people.legal_entity_code
        and applications.id_number_key = people.id_number_key
