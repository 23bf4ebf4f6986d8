with

restated as (
    select * from {{ ref('int_grid_change__restated') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
)

select
    restated.legal_entity_code,
    restated.business_date,
    restated.change_id,
    restated.kind as change_kind,
    restated.effective_date,
    restated.borders,
    restated.grid_id,
    restated.grid_name,
    restated.branch_code,
    branches.branch_name,
    restated.is_as_published,
    restated.{{ grid_figures() | join(',\n    restated.') }},
    restated.person_customers / nullif(restated.people, 0) as penetration
from restated
left join branches
    on
        restated.legal_entity_code = branches.legal_entity_code
        and restated.branch_code = branches.branch_code
