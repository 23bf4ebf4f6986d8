with

visits as (
    select * from {{ ref('int_visit__checked') }}
    where visited_date >= date_trunc('year', {{ business_date() }})
),

features as (
    select * from {{ ref('int_customer__features') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
    where rule_code = 'visit_integrity'
),

suspected as (
    select
        legal_entity_code,
        visit_id,
        unnest(faults) as fault
    from visits
),

reasons as (
    select
        suspected.legal_entity_code,
        suspected.visit_id,
        string_agg(rule_rows.row_name, '、' order by rule_rows.row_order) as fault_names
    from suspected
    inner join rule_rows
        on
            suspected.legal_entity_code = rule_rows.legal_entity_code
            and suspected.fault = rule_rows.rule_row
    group by suspected.legal_entity_code, suspected.visit_id
)

select
    visits.legal_entity_code,
    {{ business_date() }} as business_date,
    visits.visit_id,
    visits.customer_id,
    visits.core_customer_id,
    features.name_masked,
    managers.branch_code,
    managers.branch_name,
    visits.manager_id,
    coalesce(managers.manager_name, '未登记') as manager_name,
    visits.visit_method,
    visits.visit_type,
    strftime(visits.visited_at, '%Y-%m-%d %H:%M') as visited_at,
    visits.visited_date,
    strftime(visits.visited_date, '%G-W%V') as iso_week,
    strftime(visits.recorded_at, '%Y-%m-%d %H:%M') as recorded_at,
    visits.outcome as visit_outcome,
    visits.is_valid,
    -- shown as to be verified, and counted nowhere, until nothing is suspected any more
    if(visits.is_valid, '有效', '待核') as visit_status,
    rule_rows.row_name as fault_name,
    reasons.fault_names,
    visits.km_from_customer,
    visits.travel_km,
    visits.travel_kmh,
    visits.entry_delay_hours,
    visits.bulk_entries
from visits
left join features
    on
        visits.legal_entity_code = features.legal_entity_code
        and visits.customer_id = features.customer_id
left join managers
    on
        visits.legal_entity_code = managers.legal_entity_code
        and visits.manager_id = managers.manager_id
left join reasons
    on
        visits.legal_entity_code = reasons.legal_entity_code
        and visits.visit_id = reasons.visit_id
left join rule_rows
    on
        visits.legal_entity_code = rule_rows.legal_entity_code
        and visits.fault = rule_rows.rule_row
