with

rules as (
    select * from {{ ref('int_grid_rule__parsed') }}
),

grids as (
    select * from {{ ref('int_grid__owned') }}
),

matched as (
    select * from {{ ref('int_customer_grid__matched') }}
),

assignments as (
    select * from {{ ref('int_customer_grid__assigned') }}
),

matches as (
    select
        legal_entity_code,
        rule_id,
        count(*) as customers_matched
    from matched
    group by legal_entity_code, rule_id
),

wins as (
    select
        legal_entity_code,
        rule_id,
        count(*) as customers_assigned
    from assignments
    group by legal_entity_code, rule_id
)

select
    rules.legal_entity_code,
    {{ business_date() }} as business_date,
    rules.rule_id,
    rules.grid_id,
    grids.grid_name,
    grids.branch_code,
    rules.rule_type,
    rules.rule_value,
    rules.priority,
    rules.valid_from,
    rules.valid_to,
    rules.is_in_force,
    coalesce(rules.rule_fault, 'none') as rule_fault,
    coalesce(matches.customers_matched, 0) as customers_matched,
    coalesce(wins.customers_assigned, 0) as customers_assigned
from rules
left join grids
    on
        rules.legal_entity_code = grids.legal_entity_code
        and rules.grid_id = grids.grid_id
left join matches
    on
        rules.legal_entity_code = matches.legal_entity_code
        and rules.rule_id = matches.rule_id
left join wins
    on
        rules.legal_entity_code = wins.legal_entity_code
        and rules.rule_id = wins.rule_id
