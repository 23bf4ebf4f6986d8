with

matched as (
    select * from {{ ref('int_customer_grid__matched') }}
    where is_in_force
),

best as (
    select
        legal_entity_code,
        customer_id,
        grid_id,
        grid_kind,
        min_by(rule_id, (priority, rule_id)) as rule_id,
        min(priority) as priority
    from matched
    group by legal_entity_code, customer_id, grid_id, grid_kind
),

ranked as (
    select
        *,
        row_number() over (
            partition by legal_entity_code, customer_id, grid_kind
            order by priority asc, grid_id asc
        ) as place
    from best
)

-- of the entity grids only the first by priority; every virtual grid
select
    legal_entity_code,
    customer_id,
    grid_id,
    grid_kind,
    grid_kind = 'entity' as is_primary,
    rule_id
from ranked
where grid_kind = 'virtual' or place = 1
