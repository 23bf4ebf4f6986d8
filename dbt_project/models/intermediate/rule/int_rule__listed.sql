with

listed (
    rule_code, rule_name, rule_definition, owner, subject, parameters, case_count, rule_row, row_name, row_order,
    condition, measure, requirement, responsible_role, method, period, due_days, priority, action, products, source
) as (
    values
    {%- for rule in var('rules') %}
    {%- for row in rule.rows %}
    (
        {{ sql_text(rule.code) }},
        {{ sql_text(rule.name) }},
        {{ sql_text(rule.definition) }},
        {{ sql_text(rule.owner) }},
        {{ sql_text(rule.subject) }},
        {{ sql_text(rule.parameters.items() | map("join", " = ") | join("; ")) }},
        {{ rule.case_count }},
        {{ sql_text(row.code) }},
        {{ sql_text(row.name) }},
        {{ loop.index }},
        {{ sql_text(row.when) }},
        {{ sql_text(row.met) }},
        {{ sql_text(row.requirement) }},
        {{ sql_text(row.role) }},
        {{ sql_text(row.method) }},
        {{ sql_text(row.period) }},
        {{ row.due_days | default("null") }},
        {{ row.priority }},
        {{ sql_text(row.action) }},
        {{ sql_text(row.products | join("、")) }},
        {{ sql_text(row.source) }}
    ),
    {%- endfor %}
    {%- endfor %}
    (
        null, null, null, null, null, null, null, null, null, null,
        null, null, null, null, null, null, null, null, null, null, null
    )
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    rule_code,
    rule_name,
    rule_definition,
    owner,
    subject,
    parameters,
    cast(case_count as integer) as case_count,
    rule_row,
    row_name,
    cast(row_order as integer) as row_order,
    condition,
    measure,
    requirement,
    responsible_role,
    method,
    period,
    cast(due_days as integer) as due_days,
    cast(priority as integer) as priority,
    action,
    nullif(products, '') as products,
    source
from listed
where rule_code is not null
