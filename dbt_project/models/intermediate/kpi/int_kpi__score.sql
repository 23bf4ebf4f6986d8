with

progress as (
    select * from {{ ref('int_target__progress') }}
    where organisation_level in ('branch', 'manager') and period_type in ('month', 'quarter')
),

managers as (
    select * from {{ ref('int_kpi__manager') }}
),

organisations as (
    select * from {{ ref('int_metric__dimension') }}
    where dimension = 'branch' and branch_code is not null
),

ranked_measures (measure_code, part, weight, measure_order) as (
    values
    {%- for one in var('performance').ranking.measures %}
    ({{ sql_text(one.measure) }}, '{{ one.part }}', {{ one.weight }}, {{ loop.index }}),
    {%- endfor %}
    (null, null, null, null)
),

ranked as (
    select
        legal_entity_code,
        'branch' as organisation_level,
        dimension_value as organisation_code,
        dimension_name as organisation_name,
        branch_code,
        dimension_name as branch_name,
        cast(null as varchar) as manager_id,
        cast(null as date) as hire_date
    from organisations
    union all
    select
        legal_entity_code,
        'manager' as organisation_level,
        manager_id as organisation_code,
        manager_name as organisation_name,
        branch_code,
        branch_name,
        manager_id,
        hire_date
    from managers
),

counted as (
    select
        progress.*,
        ranked_measures.part,
        ranked_measures.weight,
        ranked_measures.measure_order,
        least(greatest(progress.completion, 0), {{ var('performance').ranking.cap }}) as counted_completion
    from progress
    inner join ranked_measures on progress.measure_code = ranked_measures.measure_code
    where progress.completion is not null
),

{% set parts = {'score': "true", 'kpi_score': "part = 'KPI'", 'kci_score': "part = 'KCI'"} -%}
scored as (
    select
        legal_entity_code,
        organisation_level,
        organisation_code,
        period_type,
        {%- for name, condition in parts.items() %}
        round(
            100 * sum(weight * counted_completion) filter (where {{ condition }})
            / sum(weight) filter (where {{ condition }}),
            2
        ) as {{ name }},
        {%- endfor %}
        string_agg(
            measure_name || ' ' || format('{:.1f}×{:.0f}', 100 * counted_completion, cast(weight as double)),
            '、' order by measure_order
        ) as score_reason
    from counted
    group by legal_entity_code, organisation_level, organisation_code, period_type
)

select
    ranked.legal_entity_code,
    ranked.organisation_level,
    ranked.organisation_code,
    ranked.organisation_name,
    ranked.branch_code,
    ranked.branch_name,
    ranked.manager_id,
    scored.period_type,
    coalesce(ranked.hire_date >= date_trunc('month', {{ business_date() }}), false) as is_new_joiner,
    scored.score,
    scored.kpi_score,
    scored.kci_score,
    scored.score_reason
from ranked
inner join scored
    on
        ranked.legal_entity_code = scored.legal_entity_code
        and ranked.organisation_level = scored.organisation_level
        and ranked.organisation_code = scored.organisation_code
