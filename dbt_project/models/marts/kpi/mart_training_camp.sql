{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

camp as (
    select * from {{ ref('int_kpi__camp') }}
){{ "," if is_incremental() }}

{% if is_incremental() -%}
previous as (
    select * from {{ this }}
    where business_date = (
        select max(managers.business_date)
        from {{ ref('mart_manager_kpi') }} as managers
        where managers.business_date < {{ business_date() }}
    )
)
{%- endif %}

select
    {{ business_date() }} as business_date,
    camp.legal_entity_code,
    camp.manager_id,
    camp.manager_name,
    camp.branch_code,
    camp.branch_name,
    camp.stock_value,
    camp.stock_median,
    camp.stock_gap,
    camp.work_value,
    camp.work_median,
    camp.work_gap,
    {%- if is_incremental() %}
    coalesce(previous.since_date, {{ business_date() }}) as since_date
    {%- else %}
    {{ business_date() }} as since_date
    {%- endif %}
from camp
{% if is_incremental() -%}
left join previous
    on
        camp.legal_entity_code = previous.legal_entity_code
        and camp.manager_id = previous.manager_id
{%- endif %}
