{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

managers as (
    select * from {{ ref('int_kpi__manager') }}
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension = 'manager'
),

pivoted as (
    select
        managers.legal_entity_code,
        managers.manager_id,
        managers.manager_name,
        managers.branch_code,
        managers.branch_name,
        managers.hire_date,
        {{- kpi_columns('metric_values') }}
    from managers
    left join metric_values
        on
            managers.legal_entity_code = metric_values.legal_entity_code
            and managers.manager_id = metric_values.dimension_value
    group by
        managers.legal_entity_code,
        managers.manager_id,
        managers.manager_name,
        managers.branch_code,
        managers.branch_name,
        managers.hire_date
)

select
    {{ business_date() }} as business_date,
    legal_entity_code,
    manager_id,
    manager_name,
    branch_code,
    branch_name,
    {%- for code in kpi_measures() + kpi_rates() %}
    {{ code }},
    {%- endfor %}
    {%- for one in var('performance').portfolio %}
    cast({{ one.goal }} as double) as {{ one.measure }}_goal,
    {{ one.measure }} / {{ one.goal }} as {{ one.measure }}_completion,
    {%- endfor %}
    hire_date
from pivoted
