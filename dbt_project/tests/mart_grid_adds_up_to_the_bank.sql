-- Entity rows of the business date, the unassigned included, hold every customer and every yuan once; so does each
-- level above them.
with

features as (
    select
        *,
        household_id is not null and row_number() over (
            partition by legal_entity_code, household_id order by customer_id
        ) = 1 as is_counted_household
    from {{ ref('int_customer__features') }}
),

bank as (
    select
        {{ measured_grid_figures() }}
    from features
),

levels as (
    select
        'mart_grid' as place,
        {{ grid_figures() | join(',\n        ') }}
    from {{ ref('mart_grid') }}
    where business_date = {{ business_date() }} and grid_kind = 'entity'
    union all
    select
        grid_level as place,
        {{ grid_figures() | join(',\n        ') }}
    from {{ ref('mart_grid_rollup') }}
    where business_date = {{ business_date() }}
),

shown as (
    select
        levels.place,
        {{ summed_grid_figures("levels") }}
    from levels
    group by levels.place
)

select shown.*
from shown
cross join bank
where
    (shown.{{ grid_figures() | join(', shown.') }})
    is distinct from
    (bank.{{ grid_figures() | join(', bank.') }})
