{#- One bitmap per tag and block of customers, so a pair costs the same however many carry it. A join of memberships
    would hold every pair of tags of every customer. -#}
{%- set block = 32768 -%}
with

customers as (
    select * from {{ ref('mart_customer_360') }}
),

tags as (
    select * from {{ ref('dim_tag') }}
),

placed as (
    select
        {%- for tag in var('tags') %}
        tag_{{ tag["code"] }},
        {%- endfor %}
        legal_entity_code,
        cast((row_number() over () - 1) // {{ block }} as integer) as block,
        cast((row_number() over () - 1) % {{ block }} as integer) as place
    from customers
),

carriers as (
    {%- for tag in var('tags') %}
    select
        legal_entity_code,
        block,
        '{{ tag["code"] }}' as tag_code,
        bitstring_agg(place, 0, {{ block - 1 }}) as carried
    from placed
    where tag_{{ tag["code"] }}
    group by legal_entity_code, block
    {{- "\n    union all" if not loop.last }}
    {%- else %}
    select
        legal_entity_code,
        block,
        cast(null as varchar) as tag_code,
        cast(null as bit) as carried
    from placed
    where false
    {%- endfor %}
),

population as (
    select
        legal_entity_code,
        count(*) as everyone
    from customers
    group by legal_entity_code
),

pairs as (
    select
        one.legal_entity_code,
        one.tag_code,
        other.tag_code as other_tag_code,
        sum(bit_count(one.carried & other.carried)) as both_customers
    from carriers as one
    inner join carriers as other
        on
            one.legal_entity_code = other.legal_entity_code
            and one.block = other.block
            and one.tag_code < other.tag_code
    group by one.legal_entity_code, one.tag_code, other.tag_code
),

-- both directions: the share of the one is not that of the other
directed as (
    select * from pairs
    where both_customers > 0
    union all
    select
        legal_entity_code,
        other_tag_code as tag_code,
        tag_code as other_tag_code,
        both_customers
    from pairs
    where both_customers > 0
)

select
    {{ business_date() }} as business_date,
    directed.legal_entity_code,
    directed.tag_code,
    tags.tag_name,
    tags.tag_family,
    tags.family_name,
    directed.other_tag_code,
    others.tag_name as other_tag_name,
    others.tag_family as other_tag_family,
    others.family_name as other_family_name,
    tags.customers,
    others.customers as other_customers,
    cast(directed.both_customers as bigint) as both_customers,
    cast(tags.customers + others.customers - directed.both_customers as bigint) as either_customers,
    directed.both_customers / tags.customers as overlap_share,
    directed.both_customers / (tags.customers + others.customers - directed.both_customers) as jaccard_share,
    (directed.both_customers / tags.customers) / (others.customers / population.everyone) as lift_value
from directed
inner join tags
    on
        directed.legal_entity_code = tags.legal_entity_code
        and directed.tag_code = tags.tag_code
inner join tags as others
    on
        directed.legal_entity_code = others.legal_entity_code
        and directed.other_tag_code = others.tag_code
inner join population on directed.legal_entity_code = population.legal_entity_code
