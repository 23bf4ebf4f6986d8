with

visits as (
    select * from {{ ref('int_visit__checked') }}
    where is_valid and visit_method in ('on_site', 'phone')
),

contacts as (
    select * from {{ ref('int_contact__collected') }}
    where
        cast(contacted_at as date) <= {{ business_date() }}
        and channel = 'phone'
        and outcome <> 'not_reached'
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

employees as (
    select * from {{ ref('stg_core__employee') }}
),

touched as (
    select
        legal_entity_code,
        customer_id,
        manager_id as employee_id,
        if(visit_method = 'on_site', 'visit', 'phone') as method,
        visited_date as touched_date
    from visits
    union all
    select
        contacts.legal_entity_code,
        identity.customer_id,
        contacts.manager_id as employee_id,
        'phone' as method,
        cast(contacts.contacted_at as date) as touched_date
    from contacts
    inner join identity
        on
            contacts.legal_entity_code = identity.legal_entity_code
            and contacts.customer_id = identity.source_key
)

select
    touched.legal_entity_code,
    touched.customer_id,
    touched.employee_id,
    touched.method,
    touched.touched_date,
    coalesce(any_value(employees.role) in ('team_head', 'branch_head'), false) as is_by_head,
    cast(count(*) as integer) as touches
from touched
left join employees
    on
        touched.legal_entity_code = employees.legal_entity_code
        and touched.employee_id = employees.employee_id
group by
    touched.legal_entity_code, touched.customer_id, touched.employee_id, touched.method, touched.touched_date
