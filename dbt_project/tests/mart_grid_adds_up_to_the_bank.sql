-- Entity rows of the business date, the unassigned included, hold every customer and every yuan once.
with

grid as (
    select
        sum(customers) as customers,
        sum(people) as people,
        sum(credited) as credited,
        sum(households) as households,
        sum(deposits) as deposits,
        sum(outstanding) as outstanding
    from {{ ref('mart_grid') }}
    where business_date = {{ business_date() }} and grid_kind = 'entity'
),

bank as (
    select
        count(*) filter (where is_bank_customer) as customers,
        count(*) filter (where customer_type = 'person') as people,
        count(*) filter (where is_credited) as credited,
        count(distinct household_id) as households,
        sum(deposit_balance) as deposits,
        sum(outstanding) as outstanding
    from {{ ref('int_customer__features') }}
)

select grid.*
from grid
cross join bank
where
    (grid.customers, grid.people, grid.credited, grid.households, grid.deposits, grid.outstanding)
    is distinct from
    (bank.customers, bank.people, bank.credited, bank.households, bank.deposits, bank.outstanding)
    and bank.customers > 0
