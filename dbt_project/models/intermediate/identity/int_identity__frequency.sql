with

doubtful as (
    select * from {{ ref('int_identity__doubtful') }}
),

known as (
    select * from {{ ref('int_identity__known') }}
),

holders as (
    {% for column in var("linkage")["frequencies"] -%}
    select
        '{{ column }}' as column_name,
        {{ column }} as value,
        count(distinct customer_id) as customers
    from known
    where {{ column }} in (select doubtful.{{ column }} from doubtful)
    group by {{ column }}
    {{- "\n    union all\n    " if not loop.last }}
    {%- endfor %}
),

counted as (
    select count(distinct customer_id) as known_customers
    from known
)

select
    holders.column_name,
    holders.value,
    holders.customers,
    counted.known_customers,
    holders.customers / counted.known_customers as known_share
from holders
cross join counted
