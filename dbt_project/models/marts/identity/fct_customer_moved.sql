with

links as (
    select * from {{ ref('fct_identity_link') }}
),

standing as (
    select * from links
    where valid_to is null
),

-- Customers that no record leads to any more.
left_over as (
    select links.*
    from links
    anti join standing
        on links.legal_entity_code = standing.legal_entity_code and links.customer_id = standing.customer_id
),

led as (
    select
        left_over.legal_entity_code,
        left_over.customer_id as former_customer_id,
        standing.customer_id,
        max(left_over.valid_to) as moved_date,
        count(*) as records
    from left_over
    inner join standing
        on
            left_over.legal_entity_code = standing.legal_entity_code
            and left_over.source_table = standing.source_table
            and left_over.source_key = standing.source_key
    group by left_over.legal_entity_code, left_over.customer_id, standing.customer_id
)

-- of several customers that its records went to the one with most of them
select
    legal_entity_code,
    former_customer_id,
    customer_id,
    moved_date,
    records
from led
qualify row_number() over (
    partition by legal_entity_code, former_customer_id order by records desc, moved_date desc, customer_id asc
) = 1
