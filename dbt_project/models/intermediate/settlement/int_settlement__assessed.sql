{%- set columns = ['legal_entity_code', 'customer_id'] -%}
with

measured as (
    select * from {{ ref('int_settlement__measured') }}
),

matched as (
    {{ rule_matches('settlement_requirement', 'measured', columns) }}
),

in_scope as (
    select * from measured
    where {{ rule('settlement_requirement').scope | default('true') }}
),

-- of several requirements the one that is not met binds, then the one that is not known, then the highest
judged as (
    select
        legal_entity_code,
        customer_id,
        list(rule_row order by rule_order) as rule_rows,
        max(required) as required_share,
        min_by(
            rule_row,
            (case when not is_met then 1 when is_met is null then 2 else 3 end, -coalesce(required, 0), rule_order)
        ) as binding_rule,
        bool_or(not is_met) as has_breach,
        bool_or(is_met is null) as has_unknown
    from matched
    group by legal_entity_code, customer_id
)

select
    in_scope.*,
    coalesce(judged.rule_rows, []) as rule_rows,
    judged.binding_rule,
    judged.required_share,
    case
        when in_scope.check_date is null or judged.binding_rule is null then 'unknown'
        when judged.has_breach then 'breach'
        when judged.has_unknown then 'unknown'
        else 'met'
    end as settlement_status
from in_scope
left join judged
    on
        in_scope.legal_entity_code = judged.legal_entity_code
        and in_scope.customer_id = judged.customer_id
