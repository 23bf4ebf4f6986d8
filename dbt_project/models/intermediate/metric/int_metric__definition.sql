with

definitions (metric_code, metric_name, definition, owner, unit) as (
    values
    {%- for metric in var('metrics') %}
    (
        {{ sql_text(metric.code) }},
        {{ sql_text(metric.name) }},
        {{ sql_text(metric.definition) }},
        {{ sql_text(metric.owner) }},
        {{ sql_text(metric.unit) }}
    ),
    {%- endfor %}
    (null, null, null, null, null)
)

select
    metric_code,
    metric_name,
    definition,
    owner,
    unit
from definitions
where metric_code is not null
