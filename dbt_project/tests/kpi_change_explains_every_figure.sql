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
            {'metric_code': '{{ metric.code }}', 'amount': sum({{ metric.code }})}{{ "," if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from {{ ref('int_metric__row_day') }}
    where business_date = {{ business_date() }} and primary_grid_id is not null
    group by legal_entity_code, primary_grid_id
),

shown as (
    select
        metric_values.legal_entity_code,
        metric_values.metric_code,
        metric_values.dimension,
        metric_values.dimension_value,
        metric_values.value as amount
    from {{ ref('mart_metric') }} as metric_values
    inner join {{ ref('int_metric__definition') }} as definitions
        on metric_values.metric_code = definitions.metric_code and definitions.is_additive
    where
        metric_values.business_date = {{ business_date() }}
        and metric_values.dimension in ('bank', 'branch', 'manager', 'town')
    union all by name
    select
        *,
        'grid' as dimension
    from grids
),

both_sides as (
    select
        legal_entity_code,
        metric_code,
        dimension,
        dimension_value,
        cast(amount as double) as explained,
        0 as figure
    from told
    union all
    select
        legal_entity_code,
        metric_code,
        dimension,
        dimension_value,
        0 as explained,
        amount as figure
    from shown
),

compared as (
    select
        legal_entity_code,
        metric_code,
        dimension,
        dimension_value,
        sum(explained) as explained,
        sum(figure) as figure
    from both_sides
    group by legal_entity_code, metric_code, dimension, dimension_value
)

-- On the first day there is no yesterday, and nothing is told.
select compared.*
from compared
where
    abs(compared.explained - compared.figure) > 0.005
    and (select count(*) from told) > 0
