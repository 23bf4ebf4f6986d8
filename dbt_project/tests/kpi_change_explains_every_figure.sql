-- Yesterday's figure and its contributions are today's figure, for every organisation and additive metric.
with

told as (
    select
        legal_entity_code,
        metric_code,
        dimension,
        dimension_value,
        sum(amount) as amount
    from {{ ref('mart_kpi_change') }}
    where business_date = {{ business_date() }}
    group by legal_entity_code, metric_code, dimension, dimension_value
),

grids as (
    select
        legal_entity_code,
        primary_grid_id as dimension_value,
        unnest([
            {%- for metric in additive_metrics() %}
            {'metric_code': '{{ metric.code }}', 'value': sum({{ metric.code }})}{{ "," if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from {{ ref('int_metric__row_day') }}
    where business_date = {{ business_date() }} and primary_grid_id is not null
    group by legal_entity_code, primary_grid_id
),

shown as (
    select
        legal_entity_code,
        metric_code,
        dimension,
        dimension_value,
        value
    from {{ ref('mart_metric') }}
    where
        business_date = {{ business_date() }}
        and dimension in ('bank', 'branch', 'manager', 'town')
        and metric_code in (select metric_code from {{ ref('int_metric__definition') }} where is_additive)
    union all by name
    select
        *,
        'grid' as dimension
    from grids
)

select *
from told
full join shown using (legal_entity_code, metric_code, dimension, dimension_value)
where
    abs(coalesce(told.amount, 0) - coalesce(shown.value, 0)) > 0.005
    and exists (select 1 from told)
