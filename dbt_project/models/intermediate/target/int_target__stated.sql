with

targets as (
    select * from {{ ref('stg_master__target') }}
),

measures as (
    select * from {{ ref('int_target__measure') }}
),

organisations as (
    select * from {{ ref('int_metric__dimension') }}
    where dimension in ('bank', 'branch', 'manager')
),

villages as (
    select * from {{ ref('stg_master__village') }}
)

select
    targets.legal_entity_code,
    targets.organisation_level,
    targets.organisation_code,
    coalesce(organisations.dimension_name, villages.village_name, targets.organisation_code) as organisation_name,
    case
        when targets.organisation_level = 'manager' then organisations.branch_code
        when targets.organisation_level <> 'bank' then targets.legal_entity_code
    end as parent_code,
    targets.measure_code,
    coalesce(measures.measure_name, {{ value_label('targets.measure_code', 'measure_code') }}) as measure_name,
    measures.unit,
    measures.measure_kind,
    targets.period_type,
    targets.period_start,
    {{ period_end('targets.period_type', 'targets.period_start') }} as period_end,
    targets.target_value
from targets
left join measures on targets.measure_code = measures.measure_code
left join organisations
    on
        targets.legal_entity_code = organisations.legal_entity_code
        and targets.organisation_level = organisations.dimension
        and targets.organisation_code = organisations.dimension_value
left join villages
    on
        targets.legal_entity_code = villages.legal_entity_code
        and targets.organisation_level = 'village'
        and targets.organisation_code = villages.village_code
