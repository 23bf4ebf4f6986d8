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

features as (
    select * from {{ ref('int_customer__features') }}
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
    applications.application_id,
    features.customer_id,
    features.branch_code,
    features.market_type,
    features.town_code,
    features.town_name,
    features.segment_code,
    features.segment_name,
    features.manager_id,
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
left join features
    on
        applications.legal_entity_code = features.legal_entity_code
        and coalesce(identities.customer_id, people.customer_id) = features.customer_id
