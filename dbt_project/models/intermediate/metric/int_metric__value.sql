{#- One pass over each base: its metrics are filtered aggregates, the dimensions grouping sets of that pass. -#}
{%- set dimensions = {
    'branch': 'branch_code',
    'market_type': 'market_type',
    'town': 'town_code',
    'segment': 'segment_code',
    'manager': 'manager_code',
} -%}
{%- set bases = var('metrics') | groupby('base') -%}
with

{% for base, metrics in bases %}
{{ base }}_grouped as (
    select
        legal_entity_code,
        case
            {%- for dimension, column in dimensions.items() %}
            when grouping({{ column }}) = 0 then '{{ dimension }}'
            {%- endfor %}
            else 'bank'
        end as dimension,
        case
            {%- for column in dimensions.values() %}
            when grouping({{ column }}) = 0 then {{ column }}
            {%- endfor %}
            else legal_entity_code
        end as dimension_value,
        {%- for metric in metrics %}
        cast({{ metric.numerator }} as double) as {{ metric.code }}_numerator,
        cast({{ metric.denominator | default('null', true) }} as double) as {{ metric.code }}_denominator,
        {%- endfor %}
    from {{ ref(base) }}
    group by grouping sets (
        (legal_entity_code),
        {%- for column in dimensions.values() %}
        (legal_entity_code, {{ column }}){{ "," if not loop.last }}
        {%- endfor %}
    )
),

{{ base }}_measured as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        unnest([
            {%- for metric in metrics %}
            {
                'metric_code': '{{ metric.code }}',
                'numerator': coalesce({{ metric.code }}_numerator, 0),
                'denominator':
                {{ 'coalesce(' ~ metric.code ~ '_denominator, 0)' if metric.denominator else 'cast(null as double)' }}
            }{{ "," if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from {{ base }}_grouped
    where dimension_value is not null
),

{% endfor %}
measured as (
    {%- for base, _ in bases %}
    select * from {{ base }}_measured
    union all
    {%- endfor %}
    select
        cast(null as varchar) as legal_entity_code,
        cast(null as varchar) as dimension,
        cast(null as varchar) as dimension_value,
        cast(null as varchar) as metric_code,
        cast(null as double) as numerator,
        cast(null as double) as denominator
    where false
)

select
    legal_entity_code,
    metric_code,
    dimension,
    dimension_value,
    numerator,
    denominator,
    -- Nothing to measure is not zero.
    case when denominator is null then numerator else numerator / nullif(denominator, 0) end as value
from measured
