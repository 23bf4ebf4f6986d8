with

definitions (
    metric_code, metric_name, definition, owner, unit, grain, is_additive, base, numerator, denominator, detail_mart
) as (
    values
    {%- for metric in var('metrics') %}
    (
        {{ sql_text(metric.code) }},
        {{ sql_text(metric.name) }},
        {{ sql_text(metric.definition) }},
        {{ sql_text(metric.owner) }},
        {{ sql_text(metric.unit) }},
        {{ sql_text(metric.grain) }},
        {{ metric.additive }},
        {{ sql_text(metric.base) }},
        {{ sql_text(metric.numerator) }},
        {{ sql_text(metric.denominator) }},
        {{ sql_text(metric_bases().get(metric.base, {}).detail_mart) }}
    ),
    {%- endfor %}
    (null, null, null, null, null, null, null, null, null, null, null)
)

select
    metric_code,
    metric_name,
    definition,
    owner,
    unit,
    grain,
    is_additive,
    base,
    numerator,
    denominator,
    detail_mart
from definitions
where metric_code is not null
