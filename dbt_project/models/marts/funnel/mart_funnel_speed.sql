with

progress as (
    select * from {{ ref('int_funnel__progress') }}
    where days_taken is not null
),

stages as (
    select * from {{ ref('int_funnel__stage') }}
),

members as (
    select * from {{ ref('int_funnel__dimension') }}
),

cut as (
    {{ by_dimension('progress', funnel_dimensions()) }}
),

measured as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        from_stage_code,
        to_stage_code,
        count(*) as customers,
        median(days_taken) as median_days
    from cut
    group by all
)

select
    {{ business_date() }} as business_date,
    measured.legal_entity_code,
    measured.dimension,
    measured.dimension_value,
    coalesce(members.dimension_name, nullif(measured.dimension_value, ''), '未划分') as dimension_name,
    members.branch_code,
    members.manager_id,
    measured.from_stage_code,
    from_stages.stage_name as from_stage_name,
    from_stages.stage_order as from_stage_order,
    measured.to_stage_code,
    to_stages.stage_name as to_stage_name,
    to_stages.stage_order as to_stage_order,
    from_stages.stage_name || '→' || to_stages.stage_name as step_name,
    measured.customers,
    measured.median_days
from measured
inner join stages as from_stages on measured.from_stage_code = from_stages.stage_code
inner join stages as to_stages on measured.to_stage_code = to_stages.stage_code
left join members
    on
        measured.legal_entity_code = members.legal_entity_code
        and measured.dimension = members.dimension
        and measured.dimension_value = members.dimension_value
