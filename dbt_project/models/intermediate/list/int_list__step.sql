with

steps (step_code, step_name, step_order) as (
    values
    {%- for code, name in var('value_labels').get('step_code', {}).items() %}
    ({{ sql_text(code) }}, {{ sql_text(name) }}, {{ loop.index0 }}),
    {%- endfor %}
    {%- for code, name in var('value_labels').get('close_reason', {}).items() %}
    ({{ sql_text(code) }}, {{ sql_text(name) }}, null),
    {%- endfor %}
    (null, null, null)
)

select
    step_code,
    step_name,
    cast(step_order as integer) as step_order
from steps
where step_code is not null
