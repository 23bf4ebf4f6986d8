with

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

drawn_lines as (
    select distinct
        legal_entity_code,
        credit_line_id
    from {{ ref('int_loan__assessed') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
)

select
    credit_lines.legal_entity_code,
    credit_lines.credit_line_id,
    credit_lines.customer_id,
    features.branch_code,
    features.market_type,
    features.town_code,
    features.town_name,
    features.segment_code,
    features.segment_name,
    features.manager_id,
    credit_lines.channel,
    credit_lines.product_code,
    credit_lines.limit_amount,
    credit_lines.is_signed,
    drawn_lines.credit_line_id is not null as is_drawn
from credit_lines
inner join features
    on
        credit_lines.legal_entity_code = features.legal_entity_code
        and credit_lines.customer_id = features.customer_id
left join drawn_lines
    on
        credit_lines.legal_entity_code = drawn_lines.legal_entity_code
        and credit_lines.credit_line_id = drawn_lines.credit_line_id
