-- The wide row is computed from the rules, the history is kept from day to day: on the business date each tag has the
-- same carriers in both. Counts, because every membership of a customer is one row (one_open_row_per_customer_and_tag).
with

{% if var('tags') -%}
wide as (
    unpivot (
        select
            legal_entity_code,
            {%- for tag in var('tags') %}
            count(*) filter (where tag_{{ tag["code"] }}) as {{ tag["code"] }}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ ref('mart_customer_360') }}
        group by legal_entity_code
    )
    on columns(* exclude (legal_entity_code))
    into name tag_code value customers
),
{%- else -%}
wide as (
    select
        cast(null as varchar) as legal_entity_code,
        cast(null as varchar) as tag_code,
        cast(null as bigint) as customers
    where false
),
{%- endif %}

history as (
    select
        legal_entity_code,
        tag_code,
        count(*) as customers
    from {{ ref('fct_customer_tag') }}
    where valid_to is null
    group by legal_entity_code, tag_code
)

select
    coalesce(wide.tag_code, history.tag_code) as tag_code,
    wide.customers as wide_customers,
    history.customers as history_customers
from wide
full outer join history
    on
        wide.legal_entity_code = history.legal_entity_code
        and wide.tag_code = history.tag_code
where coalesce(wide.customers, 0) <> coalesce(history.customers, 0)
