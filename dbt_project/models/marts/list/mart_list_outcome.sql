with

served as (
    select * from {{ ref('int_list__outcome') }}
    where not is_control
),

contacts as (
    select * from {{ ref('int_contact__collected') }}
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

-- The last contact of the batch with the customer.
answered as (
    select
        contacts.legal_entity_code,
        contacts.list_batch_id as batch_id,
        identities.customer_id,
        max_by(contacts.outcome, contacts.contacted_at) as outcome
    from contacts
    inner join identities
        on
            contacts.legal_entity_code = identities.legal_entity_code
            and contacts.customer_id = identities.source_key
    group by contacts.legal_entity_code, contacts.list_batch_id, identities.customer_id
),

-- Each row counts for its batch and for the whole list.
followed as (
    select
        served.* exclude (batch_id),
        unnest([served.batch_id, 'all']) as batch_id,
        answered.outcome as contact_outcome
    from served
    left join answered
        on
            served.legal_entity_code = answered.legal_entity_code
            and served.batch_id = answered.batch_id
            and served.customer_id = answered.customer_id
),

counted as (
    select
        legal_entity_code,
        origin,
        list_code,
        batch_id,
        min(window_start_date) as served_from_date,
        count(*) as served_rows,
        count(contact_outcome) as answered_rows,
        count(*) filter (where contact_outcome <> 'not_reached') as contacted_rows,
        count(*) filter (where contact_outcome in ('interested', 'applied')) as interested_rows,
        count(*) filter (where contact_outcome = 'refused') as refused_rows,
        count(*) filter (where is_reached) as reached_rows,
        cast(sum(outcome_amount) as decimal(18, 2)) as outcome_amount
    from followed
    group by legal_entity_code, origin, list_code, batch_id
)

select
    {{ business_date() }} as business_date,
    counted.legal_entity_code,
    counted.origin,
    counted.list_code,
    coalesce(definitions.list_name, counted.list_code) as list_name,
    counted.batch_id,
    counted.batch_id = 'all' as is_whole_list,
    counted.served_from_date,
    counted.served_rows,
    counted.answered_rows,
    counted.contacted_rows,
    counted.interested_rows,
    counted.refused_rows,
    counted.reached_rows,
    counted.outcome_amount,
    counted.answered_rows / counted.served_rows as answer_rate,
    counted.contacted_rows / counted.served_rows as contact_rate
from counted
left join definitions
    on
        counted.legal_entity_code = definitions.legal_entity_code
        and counted.list_code = definitions.list_code
