with

lines as (
    select * from {{ ref('stg_credit__credit_line') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
)

select
    lines.legal_entity_code,
    lines.credit_line_id,
    identity.customer_id,
    lines.customer_id as core_customer_id,
    lines.product_code,
    lines.limit_amount,
    lines.approved_date,
    lines.signed_date,
    lines.expiry_date,
    lines.channel,
    lines.annual_rate,
    lines.rate_type,
    lines.status,
    lines.branch_code,
    lines.manager_id,
    coalesce(lines.signed_date <= {{ business_date() }}, false) as is_signed,
    coalesce(
        lines.status = 'active' and {{ in_force('lines.signed_date', 'lines.expiry_date') }}, false
    ) as is_in_force
from lines
inner join identity
    on
        lines.legal_entity_code = identity.legal_entity_code
        and lines.customer_id = identity.source_key
where lines.approved_date <= {{ business_date() }}
