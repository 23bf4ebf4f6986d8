{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

organisations as (
    select * from {{ ref('int_metric__dimension') }}
    where dimension = 'branch'
),

managers as (
    select
        legal_entity_code,
        branch_code,
        count(*) as managers
    from {{ ref('int_kpi__manager') }}
    group by legal_entity_code, branch_code
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension = 'branch'
),

pivoted as (
    select
        organisations.legal_entity_code,
        organisations.branch_code,
        any_value(organisations.dimension_name) as branch_name,
        {{- kpi_columns('metric_values') }}
    from organisations
    left join metric_values
        on
            organisations.legal_entity_code = metric_values.legal_entity_code
            and organisations.dimension_value = metric_values.dimension_value
    group by organisations.legal_entity_code, organisations.branch_code
)

select
    {{ business_date() }} as business_date,
    pivoted.legal_entity_code,
    pivoted.branch_code,
    pivoted.branch_name,
    coalesce(managers.managers, 0) as managers,
    {%- for code in kpi_measures() + kpi_rates() %}
    pivoted.{{ code }},
    {%- endfor %}
    pivoted.managed_customers / managers.managers as managed_customers_per_manager,
    pivoted.deposits / managers.managers as deposits_per_manager,
    pivoted.outstanding / managers.managers as outstanding_per_manager
from pivoted
left join managers
    on
        pivoted.legal_entity_code = managers.legal_entity_code
        and pivoted.branch_code = managers.branch_code
