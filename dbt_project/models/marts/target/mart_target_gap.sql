with

stated as (
    select * from {{ ref('int_target__stated') }}
),

shares as (
    select * from {{ ref('int_target__share') }}
),

organisations as (
    select * from {{ ref('int_metric__dimension') }}
),

expected as (
    select
        legal_entity_code,
        organisation_level,
        parent_code,
        measure_code,
        count(*) as members
    from shares
    where managers > 0
    group by legal_entity_code, organisation_level, parent_code, measure_code
),

by_organisation as (
    select
        parents.legal_entity_code,
        parents.organisation_level,
        parents.organisation_code,
        parents.measure_code,
        parents.period_type,
        parents.period_start,
        'organisation' as gap_type,
        children.organisation_level as parts_level,
        sum(children.target_value) as parts_value,
        count(*) as parts
    from stated as parents
    inner join stated as children
        on
            parents.legal_entity_code = children.legal_entity_code
            and parents.organisation_code = children.parent_code
            and parents.measure_code = children.measure_code
            and parents.period_type = children.period_type
            and parents.period_start = children.period_start
    left join expected
        on
            parents.legal_entity_code = expected.legal_entity_code
            and parents.organisation_code = expected.parent_code
            and parents.measure_code = expected.measure_code
            and children.organisation_level = expected.organisation_level
    where
        parents.measure_kind is distinct from 'ratio'
        and parents.organisation_level = if(children.organisation_level = 'manager', 'branch', 'bank')
    group by
        parents.legal_entity_code,
        parents.organisation_level,
        parents.organisation_code,
        parents.measure_code,
        parents.period_type,
        parents.period_start,
        children.organisation_level
    -- members without a stated target are derived, so only too much contradicts the whole
    having
        sum(children.target_value) > any_value(parents.target_value)
        or count(*) >= coalesce(any_value(expected.members), 0)
),

by_period as (
    select
        parents.legal_entity_code,
        parents.organisation_level,
        parents.organisation_code,
        parents.measure_code,
        parents.period_type,
        parents.period_start,
        if(any_value(parents.measure_kind) = 'flow', 'period', 'period_end') as gap_type,
        children.period_type as parts_level,
        if(
            any_value(parents.measure_kind) = 'flow',
            sum(children.target_value),
            max_by(children.target_value, children.period_start)
        ) as parts_value,
        count(*) as parts
    from stated as parents
    inner join stated as children
        on
            parents.legal_entity_code = children.legal_entity_code
            and parents.organisation_level = children.organisation_level
            and parents.organisation_code = children.organisation_code
            and parents.measure_code = children.measure_code
            and parents.period_start <= children.period_start
            and parents.period_end >= children.period_end
    where
        (parents.period_type = 'year' and children.period_type = 'quarter')
        or (parents.period_type = 'quarter' and children.period_type = 'month')
    group by
        parents.legal_entity_code,
        parents.organisation_level,
        parents.organisation_code,
        parents.measure_code,
        parents.period_type,
        parents.period_start,
        children.period_type
    having
        count(*) = if(parents.period_type = 'year', 4, 3)
        or (
            any_value(parents.measure_kind) = 'flow'
            and sum(children.target_value) > any_value(parents.target_value)
        )
),

without_metric as (
    select
        legal_entity_code,
        organisation_level,
        organisation_code,
        measure_code,
        period_type,
        period_start,
        'measure' as gap_type,
        cast(null as varchar) as parts_level,
        cast(null as decimal(38, 2)) as parts_value,
        0 as parts
    from stated
    where measure_kind is null and measure_code <> 'village_signed'
),

gaps as (
    select * from by_organisation
    union all
    select * from by_period
    union all
    select * from without_metric
),

described as (
    select
        gaps.*,
        stated.organisation_name,
        stated.measure_name,
        stated.target_value,
        gaps.parts_value - stated.target_value as difference,
        case when stated.unit = 'amount' then 10000 else 1 end as divisor,
        case when stated.unit = 'amount' then ' 万元' else '' end as unit_name,
        strftime(stated.period_start, '%Y年') || case stated.period_type
            when 'month' then month(stated.period_start) || '月'
            when 'quarter' then quarter(stated.period_start) || '季度'
            else ''
        end as period_name
    from gaps
    inner join stated
        on
            gaps.legal_entity_code = stated.legal_entity_code
            and gaps.organisation_level = stated.organisation_level
            and gaps.organisation_code = stated.organisation_code
            and gaps.measure_code = stated.measure_code
            and gaps.period_type = stated.period_type
            and gaps.period_start = stated.period_start
    where gaps.parts_value is null or gaps.parts_value <> stated.target_value
)

select
    {{ business_date() }} as business_date,
    described.legal_entity_code,
    described.gap_type,
    case described.gap_type
        when 'organisation' then '下级机构之和与上级不符'
        when 'period' then '各期之和与全期不符'
        when 'period_end' then '末期目标与全期目标不符'
        else '指标没有口径定义'
    end as gap_name,
    described.organisation_level,
    described.organisation_code,
    described.organisation_name,
    organisations.branch_code,
    case when described.organisation_level = 'manager' then described.organisation_code end as manager_id,
    described.measure_code,
    described.measure_name,
    described.period_type,
    described.period_start,
    described.period_name,
    coalesce(described.parts_level, 'none') as parts_level,
    described.parts,
    cast(described.target_value as double) as target_value,
    cast(described.parts_value as double) as parts_value,
    cast(described.difference as double) as difference,
    '目标写为 ' || format('{:,.2f}', described.target_value / described.divisor) || described.unit_name as stated_name,
    case
        when described.gap_type = 'measure' then '指标代码 ' || described.measure_code
        else
            described.parts
            || case described.parts_level
                when 'branch' then ' 家支行'
                when 'manager' then ' 名客户经理'
                when 'village' then ' 个村（社区）'
                when 'quarter' then ' 个季度'
                else ' 个月'
            end
            || if(described.gap_type = 'period_end', '的末期为 ', '之和为 ')
            || format('{:,.2f}', described.parts_value / described.divisor) || described.unit_name
    end as parts_name
from described
left join organisations
    on
        described.legal_entity_code = organisations.legal_entity_code
        and described.organisation_level = organisations.dimension
        and described.organisation_code = organisations.dimension_value
