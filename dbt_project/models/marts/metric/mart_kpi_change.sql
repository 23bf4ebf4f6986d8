{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=["{{ delete_business_date() }}", "{{ forget_days(var('grid_days_kept')) }}"]
) }}
{%- set metrics = additive_metrics() -%}
{%- set levels = {
    'branch': 'branch_code',
    'manager': 'manager_code',
    'town': 'town_code',
    'grid': 'primary_grid_id',
} -%}
with

changes as (
    select * from {{ ref('mart_kpi_change_row') }}
),

row_days as (
    select * from {{ ref('int_metric__row_day') }}
),

figures as (
    select * from {{ ref('mart_metric') }}
),

definitions as (
    select * from {{ ref('int_metric__definition') }}
),

members as (
    select * from {{ ref('int_metric__dimension') }}
),

previous as (
    select max(business_date) as previous_date
    from row_days
    where business_date < {{ business_date() }}
),

opening as (
    select
        figures.legal_entity_code,
        figures.metric_code,
        figures.dimension,
        figures.dimension_value,
        figures.value as amount
    from figures
    inner join previous on figures.business_date = previous.previous_date
    inner join definitions on figures.metric_code = definitions.metric_code
    where definitions.is_additive and figures.dimension in ('bank', 'branch', 'manager', 'town')
    union all by name
    select
        row_days.legal_entity_code,
        'grid' as dimension,
        row_days.primary_grid_id as dimension_value,
        unnest([
            {%- for metric in metrics %}
            {'metric_code': '{{ metric.code }}', 'amount': sum(row_days.{{ metric.code }})}{{ "," if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from row_days
    inner join previous on row_days.business_date = previous.previous_date
    where row_days.primary_grid_id is not null
    group by row_days.legal_entity_code, row_days.primary_grid_id
),

contributed as (
    select
        legal_entity_code,
        metric_code,
        'bank' as dimension,
        legal_entity_code as dimension_value,
        contribution,
        count(*) as rows_changed,
        sum(amount) as amount
    from changes
    where is_of_bank
    group by legal_entity_code, metric_code, contribution
    {%- for level, column in levels.items() %}
    union all
    select
        legal_entity_code,
        metric_code,
        '{{ level }}' as dimension,
        {{ column }} as dimension_value,
        contribution,
        count(*) as rows_changed,
        sum(amount) as amount
    from changes
    where is_of_{{ level }}
    group by legal_entity_code, metric_code, {{ column }}, contribution
    {%- endfor %}
),

steps as (
    select * from contributed
    union all by name
    select
        *,
        'yesterday' as contribution
    from opening
)

select
    {{ business_date() }} as business_date,
    previous.previous_date,
    steps.legal_entity_code,
    steps.metric_code,
    definitions.metric_name,
    definitions.unit,
    steps.dimension,
    steps.dimension_value,
    coalesce(members.dimension_name, steps.dimension_value) as dimension_name,
    members.branch_code,
    branches.dimension_name as branch_name,
    members.manager_id,
    case when steps.dimension = 'manager' then members.dimension_name end as manager_name,
    steps.contribution,
    coalesce(steps.rows_changed, 0) as rows_changed,
    cast(steps.amount as decimal(18, 2)) as amount
from steps
cross join previous
inner join definitions on steps.metric_code = definitions.metric_code
left join members
    on
        steps.legal_entity_code = members.legal_entity_code
        and steps.dimension = members.dimension
        and steps.dimension_value = members.dimension_value
left join members as branches
    on
        steps.legal_entity_code = branches.legal_entity_code
        and branches.dimension = 'branch'
        and members.branch_code = branches.dimension_value
where steps.amount <> 0 and steps.dimension_value is not null
