{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

metric_values as (
    select * from {{ ref('int_metric__value') }}
),

definitions as (
    select * from {{ ref('int_metric__definition') }}
),

dimensions as (
    select * from {{ ref('int_metric__dimension') }}
)

select
    {{ business_date() }} as business_date,
    metric_values.legal_entity_code,
    metric_values.metric_code,
    definitions.metric_name,
    definitions.unit,
    definitions.definition,
    definitions.owner,
    metric_values.dimension,
    metric_values.dimension_value,
    coalesce(dimensions.dimension_name, metric_values.dimension_value) as dimension_name,
    dimensions.branch_code,
    dimensions.manager_id,
    metric_values.numerator,
    metric_values.denominator,
    metric_values.value
from metric_values
inner join definitions on metric_values.metric_code = definitions.metric_code
left join dimensions
    on
        metric_values.legal_entity_code = dimensions.legal_entity_code
        and metric_values.dimension = dimensions.dimension
        and metric_values.dimension_value = dimensions.dimension_value
