with

duties as (
    select * from {{ ref('int_visit_duty__assessed') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
    where rule_code = 'visit_requirement'
)

select
    duties.legal_entity_code,
    {{ business_date() }} as business_date,
    duties.customer_id,
    features.core_customer_id,
    features.name_masked,
    coalesce(managers.branch_code, features.branch_code) as branch_code,
    managers.branch_name,
    duties.manager_id,
    managers.manager_name,
    duties.rule_row,
    rule_rows.row_name as duty_name,
    rule_rows.requirement,
    rule_rows.source as rule_source,
    duties.period_start,
    duties.period_end,
    duties.is_current,
    if(duties.is_current, '本期', '上期') as period_name,
    duties.duty_status,
    duties.done_count,
    duties.last_done_date,
    doers.manager_name as last_done_name,
    duties.days_left,
    1 as duties,
    if(duties.duty_status = 'done', 1, 0) as duties_done,
    if(duties.duty_status = 'overdue', 1, 0) as duties_overdue
from duties
inner join features
    on
        duties.legal_entity_code = features.legal_entity_code
        and duties.customer_id = features.customer_id
inner join rule_rows
    on
        duties.legal_entity_code = rule_rows.legal_entity_code
        and duties.rule_row = rule_rows.rule_row
left join managers
    on
        duties.legal_entity_code = managers.legal_entity_code
        and duties.manager_id = managers.manager_id
left join managers as doers
    on
        duties.legal_entity_code = doers.legal_entity_code
        and duties.last_done_by = doers.manager_id
