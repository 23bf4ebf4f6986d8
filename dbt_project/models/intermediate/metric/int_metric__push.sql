with

contacts as (
    select
        legal_entity_code,
        list_code,
        coalesce(list_batch_id, list_code) as list_batch_id,
        customer_id as core_customer_id,
        min(cast(contacted_at as date)) as pushed_date
    from {{ ref('stg_marketing__contact_outcome') }}
    where cast(contacted_at as date) <= {{ business_date() }}
    group by all
),

credited as (
    select
        contacts.legal_entity_code,
        contacts.list_batch_id,
        contacts.core_customer_id,
        min(credit_lines.approved_date) as credited_date
    from contacts
    inner join {{ ref('stg_credit__credit_line') }} as credit_lines
        on
            contacts.legal_entity_code = credit_lines.legal_entity_code
            and contacts.core_customer_id = credit_lines.customer_id
            and contacts.pushed_date <= credit_lines.approved_date
            and contacts.pushed_date >= credit_lines.approved_date - {{ var('list_credit_window_days') }}
    where credit_lines.approved_date <= {{ business_date() }}
    group by contacts.legal_entity_code, contacts.list_batch_id, contacts.core_customer_id
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
    contacts.list_code,
    contacts.list_batch_id,
    customers.customer_id,
    contacts.core_customer_id,
    customers.branch_code,
    {{ kpi_dimensions('customers') }},
    customers.manager_code,
    contacts.pushed_date,
    credited.credited_date,
    credited.credited_date is not null as is_credited_in_window
from contacts
inner join identities
    on
        contacts.legal_entity_code = identities.legal_entity_code
        and contacts.core_customer_id = identities.source_key
inner join customers
    on
        identities.legal_entity_code = customers.legal_entity_code
        and identities.customer_id = customers.customer_id
left join credited
    on
        contacts.legal_entity_code = credited.legal_entity_code
        and contacts.list_batch_id = credited.list_batch_id
        and contacts.core_customer_id = credited.core_customer_id
