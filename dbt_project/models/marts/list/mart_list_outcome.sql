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

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
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
)

select
    {{ business_date() }} as business_date,
    served.legal_entity_code,
    served.origin,
    served.list_code,
    coalesce(any_value(definitions.list_name), served.list_code) as list_name,
    served.batch_id,
    min(strftime(served.window_start_date, '%Y-%m')) as listed_month,
    coalesce(served.branch_code, '无') as branch_code,
    coalesce(any_value(branches.branch_name), '无') as branch_name,
    coalesce(served.manager_id, '无') as manager_id,
    coalesce(any_value(managers.manager_name), '无') as manager_name,
    count(*) as served_rows,
    count(answered.customer_id) as answered_rows,
    count(*) filter (where answered.outcome <> 'not_reached') as contacted_rows,
    count(*) filter (where answered.outcome in ('interested', 'applied')) as interested_rows,
    count(*) filter (where answered.outcome = 'refused') as refused_rows,
    count(*) filter (where served.is_reached) as reached_rows,
    cast(sum(served.outcome_amount) as decimal(18, 2)) as outcome_amount
from served
left join answered
    on
        served.legal_entity_code = answered.legal_entity_code
        and served.batch_id = answered.batch_id
        and served.customer_id = answered.customer_id
left join definitions
    on
        served.legal_entity_code = definitions.legal_entity_code
        and served.list_code = definitions.list_code
left join branches
    on
        served.legal_entity_code = branches.legal_entity_code
        and served.branch_code = branches.branch_code
left join managers
    on
        served.legal_entity_code = managers.legal_entity_code
        and served.manager_id = managers.manager_id
group by
    served.legal_entity_code, served.origin, served.list_code, served.batch_id, served.branch_code, served.manager_id
