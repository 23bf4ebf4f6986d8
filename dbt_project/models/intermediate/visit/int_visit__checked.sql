with

measured as (
    select * from {{ ref('int_visit__measured') }}
),

matched as (
    {{ rule_matches('visit_integrity', 'measured', ['legal_entity_code', 'visit_id']) }}
),

faults as (
    select
        legal_entity_code,
        visit_id,
        min_by(rule_row, rule_order) as fault,
        list(rule_row order by rule_order) as faults
    from matched
    group by legal_entity_code, visit_id
)

select
    measured.legal_entity_code,
    measured.visit_id,
    measured.customer_id,
    measured.core_customer_id,
    measured.manager_id,
    measured.visit_method,
    measured.visit_type,
    measured.visited_at,
    measured.visited_date,
    measured.recorded_at,
    measured.outcome,
    measured.content,
    measured.km_from_customer,
    measured.travel_km,
    measured.travel_kmh,
    measured.bulk_entries,
    measured.entry_delay_hours,
    faults.fault is null as is_valid,
    faults.fault,
    coalesce(faults.faults, []) as faults
from measured
left join faults
    on
        measured.legal_entity_code = faults.legal_entity_code
        and measured.visit_id = faults.visit_id
