-- Every row of the date built before is open still, with the same manager and branch, or removed today with a reason;
-- never both.
with

today as (
    select * from {{ ref('mart_marketing_list') }}
    where business_date = {{ business_date() }}
),

before as (
    select * from {{ ref('mart_marketing_list') }}
    where
        business_date = (
            select max(earlier.business_date) from {{ ref('mart_list_waterfall') }} as earlier
            where earlier.business_date < {{ business_date() }}
        )
),

removed as (
    select * from {{ ref('mart_list_removal') }}
    where business_date = {{ business_date() }}
)

select before.row_id
from before
left join today
    on
        before.legal_entity_code = today.legal_entity_code
        and before.row_id = today.row_id
left join removed
    on
        before.legal_entity_code = removed.legal_entity_code
        and before.row_id = removed.row_id
where
    (today.row_id is null) = (removed.row_id is null)
    or (today.manager_id, today.branch_code) is distinct from (before.manager_id, before.branch_code)
    and removed.row_id is null
