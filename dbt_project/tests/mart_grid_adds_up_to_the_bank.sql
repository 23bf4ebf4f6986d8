-- Entity rows of the business date, the unassigned included, hold every customer and every yuan once; so does each
-- level above them.
{%- set sums %}
    {%- for figure in grid_figures() %}
        sum({{ figure }}) as {{ figure }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endset %}
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

shown as (
    select
        'mart_grid' as place,
        {{ sums }}
    from {{ ref('mart_grid') }}
    where business_date = {{ business_date() }} and grid_kind = 'entity'
    union all by name
    select
        grid_level as place,
        {{ sums }}
    from {{ ref('mart_grid_rollup') }}
    where business_date = {{ business_date() }}
    group by grid_level
)

select shown.*
from shown
cross join bank
where
    bank.customers + bank.people > 0
    and (
        {%- for figure in grid_figures() %}
            shown.{{ figure }} is distinct from bank.{{ figure }}{{ " or" if not loop.last }}
        {%- endfor %}
    )
