-- The bank is the sum of its branches, each branch of its managers, and all of them of the rows behind.
with

shown as (
    select metric_values.*
    from {{ ref('mart_metric') }} as metric_values
    inner join {{ ref('int_metric__definition') }} as definitions
        on metric_values.metric_code = definitions.metric_code and definitions.is_additive
    where metric_values.business_date = {{ business_date() }}
),

levels as (
    select
        legal_entity_code,
        metric_code,
        dimension_value as branch_code,
        value as of_branch,
        0 as of_managers,
        0 as of_rows
    from shown
    where dimension = 'branch'
    union all
    select
        legal_entity_code,
        metric_code,
        branch_code,
        0 as of_branch,
        value as of_managers,
        0 as of_rows
    from shown
    where dimension = 'manager'
    union all
    select
        legal_entity_code,
        metric_code,
        branch_code,
        0 as of_branch,
        0 as of_managers,
        value as of_rows
    from (
        select
            legal_entity_code,
            branch_code,
            unnest([
                {%- for metric in additive_metrics() %}
                {'metric_code': '{{ metric.code }}', 'value': sum({{ metric.code }})}{{ "," if not loop.last }}
                {%- endfor %}
            ], recursive := true)
        from {{ ref('int_metric__row_day') }}
        where business_date = {{ business_date() }}
        group by legal_entity_code, branch_code
    )
),

branches as (
    select
        legal_entity_code,
        metric_code,
        branch_code,
        sum(of_branch) as of_branch,
        sum(of_managers) as of_managers,
        sum(of_rows) as of_rows
    from levels
    group by legal_entity_code, metric_code, branch_code
),

banks as (
    select
        legal_entity_code,
        metric_code,
        sum(of_branch) as of_branches
    from branches
    group by legal_entity_code, metric_code
)

select
    metric_code,
    branch_code,
    of_branch,
    of_managers,
    of_rows
from branches
where abs(of_branch - of_managers) > 0.005 or abs(of_branch - coalesce(of_rows, 0)) > 0.005
union all
select
    banks.metric_code,
    'bank' as branch_code,
    shown.value as of_branch,
    banks.of_branches as of_managers,
    null as of_rows
from banks
inner join shown
    on
        banks.legal_entity_code = shown.legal_entity_code
        and banks.metric_code = shown.metric_code
        and shown.dimension = 'bank'
where abs(banks.of_branches - shown.value) > 0.005
