with

{% for flow in var('flows') %}
{{ flow.code }}_day as (
    select
        legal_entity_code,
        '{{ flow.code }}' as measure_code,
        {{ flow.flow_date }} as flow_day,
        case
            when grouping(manager_code) = 0 then 'manager'
            when grouping(branch_code) = 0 then 'branch'
            else 'bank'
        end as dimension,
        coalesce(manager_code, branch_code, legal_entity_code) as dimension_value,
        cast({{ flow.numerator }} as double) as value
    from {{ ref(flow.base) }}
    where {{ within_days(flow.flow_date, var('kpi_days_kept')) }}
    group by grouping sets (
        (legal_entity_code, {{ flow.flow_date }}),
        (legal_entity_code, {{ flow.flow_date }}, branch_code),
        (legal_entity_code, {{ flow.flow_date }}, manager_code)
    )
),

{% endfor %}
measured as (
    {%- for flow in var('flows') %}
    select * from {{ flow.code }}_day
    union all
    {%- endfor %}
    select
        cast(null as varchar) as legal_entity_code,
        cast(null as varchar) as measure_code,
        cast(null as date) as flow_day,
        cast(null as varchar) as dimension,
        cast(null as varchar) as dimension_value,
        cast(null as double) as value
    where false
)

select
    legal_entity_code,
    measure_code,
    dimension,
    dimension_value,
    flow_day,
    coalesce(value, 0) as value
from measured
