with

managers as (
    select * from {{ ref('int_kpi__manager') }}
),

branches as (
    select * from {{ ref('stg_core__branch') }}
),

measures as (
    select * from {{ ref('int_target__measure') }}
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension in ('branch', 'manager')
),

organisations as (
    select
        branches.legal_entity_code,
        'branch' as organisation_level,
        branches.branch_code as organisation_code,
        branches.legal_entity_code as parent_code,
        count(managers.manager_id) as managers
    from branches
    left join managers
        on
            branches.legal_entity_code = managers.legal_entity_code
            and branches.branch_code = managers.branch_code
    group by branches.legal_entity_code, branches.branch_code
    union all
    select
        legal_entity_code,
        'manager' as organisation_level,
        manager_id as organisation_code,
        branch_code as parent_code,
        1 as managers
    from managers
),

standing as (
    select
        organisations.*,
        measures.measure_code,
        measures.measure_kind,
        case when measures.measure_kind = 'stock' then coalesce(metric_values.value, 0) else 0 end as stock
    from organisations
    cross join measures
    left join metric_values
        on
            organisations.legal_entity_code = metric_values.legal_entity_code
            and organisations.organisation_level = metric_values.dimension
            and organisations.organisation_code = metric_values.dimension_value
            and measures.measure_code = metric_values.metric_code
)

select
    legal_entity_code,
    organisation_level,
    organisation_code,
    parent_code,
    measure_code,
    managers,
    case
        when measure_kind = 'ratio' then 1
        when sum(stock) over siblings > 0 then stock / sum(stock) over siblings
        else managers / nullif(sum(managers) over siblings, 0)
    end as parent_share
from standing
window siblings as (partition by legal_entity_code, organisation_level, parent_code, measure_code)
