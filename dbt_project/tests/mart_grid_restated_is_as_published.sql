-- Under the borders of the day a restated grid shows what mart_grid published on that day.
select
    restated.change_id,
    restated.business_date,
    restated.grid_id
from {{ ref('mart_grid_restated') }} as restated
inner join {{ ref('mart_grid') }} as published
    on
        restated.legal_entity_code = published.legal_entity_code
        and restated.business_date = published.business_date
        and restated.grid_id = published.grid_id
where
    restated.is_as_published
    and (restated.{{ grid_figures() | join(', restated.') }})
    is distinct from
    (published.{{ grid_figures() | join(', published.') }})
