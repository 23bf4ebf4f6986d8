-- Per list and branch: eligible candidates = removed at each step + delivered, and the list's new rows are exactly
-- those delivered and those kept as control.
with

waterfall as (
    select
        legal_entity_code,
        list_code,
        branch_code,
        max(remaining) filter (where step_code = 'start') as eligible,
        sum(removed) as removed,
        max(remaining) filter (where step_code = 'delivered') as delivered,
        max(removed) filter (where step_code = 'holdout') as held_out
    from {{ ref('mart_list_waterfall') }}
    where business_date = {{ business_date() }}
    group by legal_entity_code, list_code, branch_code
),

candidates as (
    select
        legal_entity_code,
        list_code,
        branch_code,
        count(*) as candidates
    from {{ ref('int_list__candidate') }}
    group by legal_entity_code, list_code, branch_code
),

listed as (
    select
        legal_entity_code,
        list_code,
        branch_code,
        count(*) filter (where not is_holdout) as delivered,
        count(*) filter (where is_holdout) as held_out
    from {{ ref('mart_marketing_list') }}
    where business_date = {{ business_date() }} and listing_state = 'new'
    group by legal_entity_code, list_code, branch_code
)

select waterfall.*
from waterfall
left join candidates
    on
        waterfall.legal_entity_code = candidates.legal_entity_code
        and waterfall.list_code = candidates.list_code
        and waterfall.branch_code is not distinct from candidates.branch_code
left join listed
    on
        waterfall.legal_entity_code = listed.legal_entity_code
        and waterfall.list_code = listed.list_code
        and waterfall.branch_code is not distinct from listed.branch_code
where
    waterfall.eligible <> coalesce(candidates.candidates, 0)
    or waterfall.eligible <> waterfall.removed + waterfall.delivered
    or waterfall.delivered <> coalesce(listed.delivered, 0)
    or waterfall.held_out <> coalesce(listed.held_out, 0)
