with

rules as (
    select * from {{ ref('stg_master__grid_membership_rule') }}
    where rule_type = 'polygon'
),

listed as (
    select
        legal_entity_code,
        rule_id,
        string_split(rule_value, ',') as corners
    from rules
),

numbered as (
    select
        legal_entity_code,
        rule_id,
        regexp_replace(trim(unnest(corners)), '\s+', ' ', 'g') as corner,
        generate_subscripts(corners, 1) as corner_number
    from listed
),

placed as (
    select
        legal_entity_code,
        rule_id,
        corner_number,
        try_cast(split_part(corner, ' ', 1) as double) as longitude,
        try_cast(split_part(corner, ' ', 2) as double) as latitude,
        regexp_matches(corner, '^\S+ \S+$') as is_pair
    from numbered
)

select
    legal_entity_code,
    rule_id,
    corner_number,
    longitude,
    latitude,
    coalesce(is_pair and longitude between -180 and 180 and latitude between -90 and 90, false) as is_valid,
    -- the ring closes: after the last corner comes the first
    coalesce(lead(longitude) over ring, first_value(longitude) over ring) as next_longitude,
    coalesce(lead(latitude) over ring, first_value(latitude) over ring) as next_latitude
from placed
window ring as (
    partition by legal_entity_code, rule_id order by corner_number
)
