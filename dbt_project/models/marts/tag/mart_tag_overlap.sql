{#- Bits per block of customers: one number of AND per pair and block, however many carry the tags. -#}
{%- set block = 65536 -%}
with

customers as (
    select * from {{ ref('mart_customer_360') }}
),

tags as (
    select * from {{ ref('dim_tag') }}
),

placed as (
    select
        *,
        cast((row_number() over () - 1) // {{ block }} as integer) as block,
        cast((row_number() over () - 1) % {{ block }} as integer) as place
    from customers
),

bits as (
    select
        {%- for tag in var('tags') %}
        bitstring_agg(place, 0, {{ block - 1 }}) filter (where tag_{{ tag["code"] }}) as {{ tag["code"] }},
        {%- endfor %}
        legal_entity_code,
        block,
        count(*) as everyone
    from placed
    group by legal_entity_code, block
),

population as (
    select
        legal_entity_code,
        sum(everyone) as everyone
    from bits
    group by legal_entity_code
),

{% if var('tags') -%}
carriers as (
    unpivot (select * exclude (everyone) from bits)
    on columns(* exclude (legal_entity_code, block))
    into name tag_code value carried
),
{%- else -%}
carriers as (
    select
        legal_entity_code,
        block,
        cast(null as varchar) as tag_code,
        cast(null as bit) as carried
    from bits
    where false
),
{%- endif %}

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
            and one.tag_code <> other.tag_code
    group by one.legal_entity_code, one.tag_code, other.tag_code
)

select
    {{ business_date() }} as business_date,
    pairs.legal_entity_code,
    pairs.tag_code,
    tags.tag_name,
    tags.tag_family,
    tags.family_name,
    pairs.other_tag_code,
    others.tag_name as other_tag_name,
    others.tag_family as other_tag_family,
    others.family_name as other_family_name,
    tags.customers,
    others.customers as other_customers,
    cast(pairs.both_customers as bigint) as both_customers,
    cast(tags.customers + others.customers - pairs.both_customers as bigint) as either_customers,
    pairs.both_customers / tags.customers as overlap_share,
    pairs.both_customers / (tags.customers + others.customers - pairs.both_customers) as jaccard_share,
    (pairs.both_customers / tags.customers) / (others.customers / population.everyone) as lift_value
from pairs
inner join tags
    on
        pairs.legal_entity_code = tags.legal_entity_code
        and pairs.tag_code = tags.tag_code
inner join tags as others
    on
        pairs.legal_entity_code = others.legal_entity_code
        and pairs.other_tag_code = others.tag_code
inner join population on pairs.legal_entity_code = population.legal_entity_code
where pairs.both_customers > 0
