with

rules as (
    select * from {{ ref('int_grid_rule__parsed') }}
    where rule_fault is null
),

corners as (
    select * from {{ ref('int_grid_rule__corner') }}
),

placed as (
    select * from {{ ref('int_customer_grid__placed') }}
),

points as (
    select * from {{ ref('int_customer_point__located') }}
),

by_value as (
    select
        placed.legal_entity_code,
        placed.customer_id,
        rules.rule_id
    from placed
    inner join rules
        on
            placed.legal_entity_code = rules.legal_entity_code
            and placed.rule_type = rules.rule_type
            and placed.rule_value = rules.rule_value
    where rules.rule_type <> 'address'
),

by_address as (
    select
        placed.legal_entity_code,
        placed.customer_id,
        rules.rule_id
    from placed
    inner join rules
        on
            placed.legal_entity_code = rules.legal_entity_code
            and placed.rule_value like '%' || rules.rule_value || '%'
    where placed.rule_type = 'address' and rules.rule_type = 'address'
),

-- A point is inside when a ray from it to the east crosses the ring an odd number of times. The bounding box keeps
-- points and rings apart that have nothing to do with one another.
by_polygon as (
    select
        points.legal_entity_code,
        points.customer_id,
        rules.rule_id
    from points
    inner join rules
        on
            points.legal_entity_code = rules.legal_entity_code
            and points.longitude between rules.west and rules.east
            and points.latitude between rules.south and rules.north
    inner join corners
        on
            rules.legal_entity_code = corners.legal_entity_code
            and rules.rule_id = corners.rule_id
            and (points.latitude < corners.latitude) <> (points.latitude < corners.next_latitude)
    where rules.rule_type = 'polygon'
    group by points.legal_entity_code, points.customer_id, points.latitude, points.longitude, rules.rule_id
    having
        count(*) filter (
            where points.longitude < corners.longitude
            + (corners.next_longitude - corners.longitude)
            * (points.latitude - corners.latitude) / (corners.next_latitude - corners.latitude)
        ) % 2 = 1
),

-- 110 km are less than a degree of latitude anywhere, so the band leaves nobody out
by_distance as (
    select
        points.legal_entity_code,
        points.customer_id,
        rules.rule_id
    from points
    inner join rules
        on
            points.legal_entity_code = rules.legal_entity_code
            and points.latitude
            between rules.centre_latitude - rules.radius_km / 110 and rules.centre_latitude + rules.radius_km / 110
    where
        rules.rule_type = 'distance'
        and {{ great_circle_km(
            'points.latitude', 'points.longitude', 'rules.centre_latitude', 'rules.centre_longitude'
        ) }} <= rules.radius_km
),

matched as (
    select * from by_value
    union
    select * from by_address
    union
    select * from by_polygon
    union
    select * from by_distance
)

select
    matched.legal_entity_code,
    matched.customer_id,
    matched.rule_id,
    rules.rule_type,
    rules.grid_id,
    rules.grid_kind,
    rules.priority,
    rules.is_in_force
from matched
inner join rules
    on
        matched.legal_entity_code = rules.legal_entity_code
        and matched.rule_id = rules.rule_id
