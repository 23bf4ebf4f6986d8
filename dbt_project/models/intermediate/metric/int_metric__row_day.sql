{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    pre_hook=[
        "{% if is_incremental() %}delete from {{ this }} where business_date >= {{ business_date() }}{% endif %}",
        "{% if is_incremental() %}delete from {{ this }} where business_date < {{ business_date() }} - {{ var('row_days_kept') }}{% endif %}",
    ]
) }}
{#- One column per additive metric: what the row adds to it. -#}
{%- set bases = additive_metrics() | groupby('base') -%}

{% for base, metrics in bases %}
{%- set known = metric_bases()[base] %}
select
    legal_entity_code,
    business_date,
    '{{ base }}' as base,
    {{ known.key }} as row_id,
    customer_id,
    branch_code,
    manager_code,
    town_code,
    cast({{ known.grid }} as varchar) as primary_grid_id,
    {%- for metric in metrics %}
    cast(coalesce({{ metric.row_value }}, 0) as decimal(18, 2)) as {{ metric.code }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ ref(base) }}
where
    {%- for metric in metrics %}
    {{ "or " if not loop.first }}({{ metric.row_value }}) <> 0
    {%- endfor %}
union all by name
{% endfor %}
select
    cast(null as varchar) as legal_entity_code,
    cast(null as date) as business_date,
    cast(null as varchar) as base,
    cast(null as varchar) as row_id,
    cast(null as varchar) as customer_id,
    cast(null as varchar) as branch_code,
    cast(null as varchar) as manager_code,
    cast(null as varchar) as town_code,
    cast(null as varchar) as primary_grid_id
where false
