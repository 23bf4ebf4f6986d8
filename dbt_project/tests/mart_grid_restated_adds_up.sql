-- Old and new borders of a change hold the same customers and the same yuan on every date, before and after it.
with

restated as (
    select * from {{ ref('mart_grid_restated') }}
),

summed as (
    select
        restated.legal_entity_code,
        restated.change_id,
        restated.business_date,
        restated.borders,
        {{ summed_grid_figures("restated") }}
    from restated
    group by restated.legal_entity_code, restated.change_id, restated.business_date, restated.borders
)

select
    old_borders.change_id,
    old_borders.business_date
from summed as old_borders
left join summed as new_borders
    on
        old_borders.legal_entity_code = new_borders.legal_entity_code
        and old_borders.change_id = new_borders.change_id
        and old_borders.business_date = new_borders.business_date
        and new_borders.borders = 'new'
where
    old_borders.borders = 'old'
    and (old_borders.{{ grid_figures() | join(', old_borders.') }})
    is distinct from
    (new_borders.{{ grid_figures() | join(', new_borders.') }})
