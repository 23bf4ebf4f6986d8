{#- One pass over its base per metric; every dimension is a grouping set of that pass. -#}
{%- set dimensions = {
    'branch': 'branch_code',
    'market_type': 'market_type',
    'town': 'town_code',
    'segment': 'segment_code',
    'manager': 'manager_id',
} -%}
with

{% for metric in var('metrics') %}
{{ metric.code }} as (
    select
        legal_entity_code,
        '{{ metric.code }}' as metric_code,
        {%- for dimension, column in dimensions.items() %}
        {{ column }},
        grouping({{ column }}) = 0 as by_{{ dimension }},
        {%- endfor %}
        cast({{ metric.numerator }} as double) as numerator,
        cast({{ metric.denominator | default('null', true) }} as double) as denominator,
        {{ 'true' if metric.denominator else 'false' }} as is_ratio,
    from {{ ref(metric.base | default('int_metric__base', true)) }}
    {%- if metric.population %}
    where {{ metric.population }}
    {%- endif %}
    group by grouping sets (
        (legal_entity_code),
        {%- for column in dimensions.values() %}
        (legal_entity_code, {{ column }}){{ "," if not loop.last }}
        {%- endfor %}
    )
),

{% endfor %}
measured as (
    {%- for metric in var('metrics') %}
    select * from {{ metric.code }}
    union all
    {%- endfor %}
    select
        cast(null as varchar) as legal_entity_code,
        cast(null as varchar) as metric_code,
        {%- for dimension, column in dimensions.items() %}
        cast(null as varchar) as {{ column }},
        false as by_{{ dimension }},
        {%- endfor %}
        cast(null as double) as numerator,
        cast(null as double) as denominator,
        false as is_ratio
    where false
),

named as (
    select
        legal_entity_code,
        metric_code,
        case
            {%- for dimension in dimensions %}
            when by_{{ dimension }} then '{{ dimension }}'
            {%- endfor %}
            else 'bank'
        end as dimension,
        case
            {%- for dimension, column in dimensions.items() %}
            when by_{{ dimension }} then {{ column }}
            {%- endfor %}
            else legal_entity_code
        end as dimension_value,
        coalesce(numerator, 0) as numerator,
        case when is_ratio then coalesce(denominator, 0) end as denominator,
        is_ratio
    from measured
)

select
    legal_entity_code,
    metric_code,
    dimension,
    dimension_value,
    numerator,
    denominator,
    -- Nothing to measure is not zero.
    case when is_ratio then numerator / nullif(denominator, 0) else numerator end as value
from named
where dimension_value is not null
