with

signed as (
    select * from {{ ref('int_town_day__signed') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

town_branches as (
    select
        legal_entity_code,
        town_code,
        min_by(branches, branches.branch_code) as branch
    from branches
    where branch_level = 'branch' and town_code is not null
    group by legal_entity_code, town_code
)

select
    signed.legal_entity_code,
    {{ business_date() }} as business_date,
    signed.town_code,
    signed.town_name,
    town_branches.branch.branch_code as branch_code,
    town_branches.branch.branch_name as branch_name,
    signed.signed_date,
    signed.signings,
    signed.signings_per_day_7d
from signed
left join town_branches
    on
        signed.legal_entity_code = town_branches.legal_entity_code
        and signed.town_code = town_branches.town_code
