-- A row of the marketing map holds every member of the virtual grid who has an entity grid: with those who have none it
-- is the virtual grid of mart_grid.
with

cells as (
    select
        legal_entity_code,
        row_grid_id,
        sum(customers) as customers,
        sum(deposits) as deposits
    from {{ ref('mart_marketing_map') }}
    where business_date = {{ business_date() }}
    group by legal_entity_code, row_grid_id
),

outside as (
    select
        members.legal_entity_code,
        members.grid_id,
        count(*) filter (where unassigned.is_bank_customer) as customers,
        sum(unassigned.deposit_balance) as deposits
    from {{ ref('int_customer_grid__assigned') }} as members
    inner join {{ ref('mart_customer_unassigned') }} as unassigned
        on
            members.legal_entity_code = unassigned.legal_entity_code
            and members.customer_id = unassigned.customer_id
    where members.grid_kind = 'virtual'
    group by members.legal_entity_code, members.grid_id
)

select grids.grid_id
from {{ ref('mart_grid') }} as grids
left join cells
    on
        grids.legal_entity_code = cells.legal_entity_code
        and grids.grid_id = cells.row_grid_id
left join outside
    on
        grids.legal_entity_code = outside.legal_entity_code
        and grids.grid_id = outside.grid_id
where
    grids.business_date = {{ business_date() }}
    and grids.grid_kind = 'virtual'
    and (
        grids.customers <> coalesce(cells.customers, 0) + coalesce(outside.customers, 0)
        or grids.deposits <> coalesce(cells.deposits, 0) + coalesce(outside.deposits, 0)
    )
