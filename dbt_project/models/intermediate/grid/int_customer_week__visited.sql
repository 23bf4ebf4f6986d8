with

visits as (
    select * from {{ ref('int_visit__checked') }}
    where
        is_valid
        and visit_method = 'on_site'
        and visited_date >= date_trunc('week', {{ business_date() }})
),

tasks as (
    select * from {{ ref('int_task__generated') }}
    where
        method = 'visit'
        and iso_week = strftime({{ business_date() }}, '%G-W%V')
        and created_date <= {{ business_date() }}
),

done as (
    select
        legal_entity_code,
        customer_id,
        count(*) as visits
    from visits
    group by legal_entity_code, customer_id
),

planned as (
    select distinct
        legal_entity_code,
        customer_id
    from tasks
)

select
    coalesce(planned.legal_entity_code, done.legal_entity_code) as legal_entity_code,
    coalesce(planned.customer_id, done.customer_id) as customer_id,
    planned.customer_id is not null as is_planned,
    coalesce(done.visits, 0) as visits
from planned
full outer join done
    on
        planned.legal_entity_code = done.legal_entity_code
        and planned.customer_id = done.customer_id
