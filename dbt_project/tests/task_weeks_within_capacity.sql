{%- set plan = rule('visit_plan').parameters -%}
-- Planned work never fills a person's week beyond the rule visit_plan.
select
    legal_entity_code,
    assignee_id,
    method,
    iso_week,
    count(*) as places
from {{ ref('int_task__generated') }}
where is_planned
group by legal_entity_code, assignee_id, method, iso_week
having count(*) > if(method = 'phone', {{ plan.weekly_calls | default(0) }}, {{ plan.weekly_visits | default(0) }})
