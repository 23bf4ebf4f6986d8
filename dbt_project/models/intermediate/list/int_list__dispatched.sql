with

permitted as (
    select * from {{ ref('int_list__permitted') }}
    where suppressed_by is null and not is_standing
),

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

scored as (
    select * from {{ ref('int_list__scored') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
    where is_due
),

held as (
    select
        legal_entity_code,
        list_code,
        manager_id,
        count(*) as open_rows
    from {{ ref('int_list__standing') }}
    where close_reason is null
    group by legal_entity_code, list_code, manager_id
),

chosen as (
    select
        permitted.legal_entity_code,
        permitted.list_code,
        permitted.customer_id,
        coalesce(candidates.own_manager_id, candidates.grid_manager_id) as manager_id,
        case
            when candidates.own_manager_id is not null then 'own_manager'
            when candidates.grid_manager_id is not null then 'grid_owner'
            else 'branch_team'
        end as assignment_basis,
        scored.score,
        definitions.capacity_per_manager,
        row_number() over (
            partition by permitted.legal_entity_code, permitted.customer_id
            order by definitions.priority asc, scored.score desc, permitted.list_code asc
        ) as choice
    from permitted
    inner join definitions
        on
            permitted.legal_entity_code = definitions.legal_entity_code
            and permitted.list_code = definitions.list_code
    inner join candidates
        on
            permitted.legal_entity_code = candidates.legal_entity_code
            and permitted.list_code = candidates.list_code
            and permitted.customer_id = candidates.customer_id
    inner join scored
        on
            permitted.legal_entity_code = scored.legal_entity_code
            and permitted.list_code = scored.list_code
            and permitted.customer_id = scored.customer_id
),

placed as (
    select
        chosen.*,
        row_number() over (
            partition by chosen.legal_entity_code, chosen.list_code, chosen.manager_id, chosen.choice = 1
            order by chosen.score desc, chosen.customer_id asc
        ) + coalesce(held.open_rows, 0) as place
    from chosen
    left join held
        on
            chosen.legal_entity_code = held.legal_entity_code
            and chosen.list_code = held.list_code
            and chosen.manager_id = held.manager_id
)

select
    legal_entity_code,
    list_code,
    customer_id,
    manager_id,
    choice = 1 and (manager_id is null or place <= capacity_per_manager) as served,
    case
        when choice > 1 then 'on_higher_list'
        when manager_id is not null and place > capacity_per_manager then 'over_capacity'
    end as unserved_reason,
    assignment_basis
from placed
