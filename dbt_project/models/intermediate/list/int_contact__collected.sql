with

contacts as (
    select * from {{ ref('stg_marketing__contact_outcome') }}
    where cast(contacted_at as date) <= {{ business_date() }}
),

returned as (
    select * from {{ ref('int_list__returned') }}
    where is_contact
)

select
    legal_entity_code,
    outcome_id,
    list_code,
    list_batch_id,
    customer_id,
    contacted_at,
    channel,
    outcome,
    manager_id
from contacts
union all
select
    legal_entity_code,
    'row|' || row_id as outcome_id,
    list_code,
    batch_id as list_batch_id,
    core_customer_id as customer_id,
    contacted_at,
    channel,
    outcome,
    manager_id
from returned
