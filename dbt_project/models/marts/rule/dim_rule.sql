with

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
),

business_days as (
    select distinct
        legal_entity_code,
        business_date
    from {{ ref('int_customer_day__observed') }}
),

phases as (
    {{ rule_matches('year_phase', 'business_days', ['legal_entity_code']) }}
)

select
    rule_rows.legal_entity_code,
    {{ business_date() }} as business_date,
    rule_rows.rule_code,
    rule_rows.rule_name,
    rule_rows.rule_definition,
    rule_rows.owner,
    rule_rows.subject,
    rule_rows.parameters,
    rule_rows.case_count,
    rule_rows.rule_row,
    rule_rows.row_name,
    rule_rows.row_order,
    rule_rows.condition,
    rule_rows.measure,
    rule_rows.requirement,
    rule_rows.responsible_role,
    rule_rows.method as rule_method,
    rule_rows.period as rule_period,
    rule_rows.due_days,
    rule_rows.priority,
    rule_rows.action,
    rule_rows.products,
    rule_rows.source as rule_source,
    -- a phase of the year holds for its months, every other row always
    rule_rows.rule_code <> 'year_phase' or phases.rule_row is not null as is_in_force
from rule_rows
left join phases
    on
        rule_rows.legal_entity_code = phases.legal_entity_code
        and rule_rows.rule_row = phases.rule_row
        and rule_rows.rule_code = 'year_phase'
