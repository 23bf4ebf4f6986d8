{#- Metrics as they can be given targets: a flow stands for its three periods. -#}
{%- set periods = [] -%}
{%- for flow in var('flows') -%}
    {%- for period in ('month', 'quarter', 'year') %}{% do periods.append(flow.code ~ '_' ~ period) %}{% endfor -%}
{%- endfor -%}
with

measures (measure_code, measure_name, unit, measure_kind) as (
    values
    {%- for flow in var('flows') %}
    ({{ sql_text(flow.code) }}, {{ sql_text(flow.name) }}, {{ sql_text(flow.unit) }}, 'flow'),
    {%- endfor %}
    {%- for metric in var('metrics') if metric.code not in periods %}
    (
        {{ sql_text(metric.code) }},
        {{ sql_text(metric.name) }},
        {{ sql_text(metric.unit) }},
        '{{ 'stock' if metric.additive else 'ratio' }}'
    ),
    {%- endfor %}
    (null, null, null, null)
)

select
    measure_code,
    measure_name,
    unit,
    measure_kind
from measures
where measure_code is not null
