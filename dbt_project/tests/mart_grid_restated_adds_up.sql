-- Old and new borders of a change hold the same customers and the same yuan on every date, before and after it.
select
    legal_entity_code,
    change_id,
    business_date
from {{ ref('mart_grid_restated') }}
group by legal_entity_code, change_id, business_date
having
    {%- for figure in grid_figures() %}
        sum({{ figure }}) filter (where borders = 'old')
        is distinct from sum({{ figure }}) filter (where borders = 'new'){{ " or" if not loop.last }}
    {%- endfor %}
