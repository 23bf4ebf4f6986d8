{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ delete_business_date() }}") }}

with

camp as (
    select * from {{ ref('int_kpi__camp') }}
),

-- The camp may be empty on a date, so the dates come from a mart that never is.
built_dates as (
    select max(business_date) as previous_date
    from {{ ref('mart_manager_kpi') }}
    where business_date < {{ business_date() }}
),

previous as (
    {%- if is_incremental() %}
    select
        legal_entity_code,
        manager_id,
        since_date
    from {{ this }}
    where business_date = (select built_dates.previous_date from built_dates)
    {%- else %}
    select
        cast(null as varchar) as legal_entity_code,
        cast(null as varchar) as manager_id,
        previous_date as since_date
    from built_dates
    where false
    {%- endif %}
)

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
    coalesce(previous.since_date, {{ business_date() }}) as since_date
from camp
left join previous
    on
        camp.legal_entity_code = previous.legal_entity_code
        and camp.manager_id = previous.manager_id
