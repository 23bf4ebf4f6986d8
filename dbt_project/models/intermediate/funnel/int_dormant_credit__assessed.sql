with

measured as (
    select * from {{ ref('int_dormant_credit__measured') }}
),

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
    where rule_code = 'dormant_credit'
),

matched as (
    {{ rule_matches('dormant_credit', 'measured', ['legal_entity_code', 'customer_id']) }}
),

reasons as (
    select
        legal_entity_code,
        customer_id,
        min_by(rule_row, rule_order) as reason_code
    from matched
    group by legal_entity_code, customer_id
)

select
    measured.*,
    rule_rows.row_order as reason_order,
    reasons.reason_code,
    rule_rows.row_name as reason_name,
    rule_rows.requirement as next_action,
    rule_rows.action as talking_point
from measured
left join reasons
    on
        measured.legal_entity_code = reasons.legal_entity_code
        and measured.customer_id = reasons.customer_id
left join rule_rows
    on
        measured.legal_entity_code = rule_rows.legal_entity_code
        and reasons.reason_code = rule_rows.rule_row
