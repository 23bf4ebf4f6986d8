with

decisions as (
    select * from {{ ref('stg_master__identity_decision') }}
    where decided_date <= {{ business_date() }}
),

core_records as (
    select * from {{ ref('int_identity__record') }}
    where source_table = 'core.customer'
),

-- On paper a customer is a core number; in the review table it is a customer id.
named as (
    select
        decisions.* exclude (customer_id),
        coalesce(core_records.carried_id, core_records.own_id, decisions.customer_id) as customer_id
    from decisions
    left join core_records
        on
            decisions.legal_entity_code = core_records.legal_entity_code
            and decisions.customer_id = core_records.source_key
)

select
    legal_entity_code,
    source_table,
    source_key,
    customer_id,
    decision,
    decided_date,
    reviewer
from named
qualify row_number() over (
    partition by legal_entity_code, source_table, source_key, customer_id
    order by decided_date desc, business_date desc, source_row desc
) = 1
