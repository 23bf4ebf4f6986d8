{%- set camp = var('performance').camp -%}
{%- set work_metrics = [] -%}
{%- for measure in camp.work %}{% do work_metrics.append(sql_text(measure ~ '_quarter')) %}{% endfor -%}
with

managers as (
    select * from {{ ref('int_kpi__manager') }}
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension = 'manager'
),

measured as (
    select
        managers.legal_entity_code,
        managers.manager_id,
        managers.manager_name,
        managers.branch_code,
        managers.branch_name,
        coalesce(
            sum(metric_values.value) filter (where metric_values.metric_code = {{ sql_text(camp.stock) }}), 0
        ) as stock_value,
        coalesce(sum(metric_values.value) filter (
            where metric_values.metric_code in ({{ work_metrics | join(", ") }})
        ), 0) as work_value
    from managers
    left join metric_values
        on
            managers.legal_entity_code = metric_values.legal_entity_code
            and managers.manager_id = metric_values.dimension_value
    -- who joined in the quarter has had no quarter to work in
    where managers.hire_date is null or managers.hire_date < date_trunc('quarter', {{ business_date() }})
    group by
        managers.legal_entity_code,
        managers.manager_id,
        managers.manager_name,
        managers.branch_code,
        managers.branch_name
),

compared as (
    select
        *,
        quantile_cont(stock_value, {{ camp.quantile }}) over (partition by legal_entity_code) as stock_median,
        quantile_cont(work_value, {{ camp.quantile }}) over (partition by legal_entity_code) as work_median
    from measured
)

select
    legal_entity_code,
    manager_id,
    manager_name,
    branch_code,
    branch_name,
    stock_value,
    stock_median,
    round(stock_median - stock_value, 2) as stock_gap,
    work_value,
    work_median,
    work_median - work_value as work_gap
from compared
where stock_value < stock_median and work_value < work_median
