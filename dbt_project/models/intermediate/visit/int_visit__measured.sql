{%- set bulk_minutes = rule('visit_integrity').parameters.bulk_minutes | default(30) -%}
with

visits as (
    select * from {{ ref('stg_marketing__visit') }}
    where cast(visited_at as date) <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

villages as (
    select * from {{ ref('stg_master__village') }}
),

shops as (
    select * from {{ ref('int_customer_point__located') }}
),

calendar as (
    select * from {{ ref('int_calendar__day') }}
),

resolved as (
    select
        visits.legal_entity_code,
        visits.visit_id,
        identity.customer_id,
        visits.customer_id as core_customer_id,
        visits.manager_id,
        coalesce(visits.visit_method, 'on_site') as visit_method,
        visits.visit_type,
        visits.visited_at,
        cast(visits.visited_at as date) as visited_date,
        visits.recorded_at,
        visits.outcome,
        visits.content,
        visits.latitude,
        visits.longitude
    from visits
    inner join identity
        on
            visits.legal_entity_code = identity.legal_entity_code
            and visits.customer_id = identity.source_key
),

on_site as (
    select * from resolved
    where visit_method = 'on_site'
),

-- the nearest of the middle of the customer's village and the customer's shops
places as (
    select
        customers.legal_entity_code,
        customers.customer_id,
        villages.latitude,
        villages.longitude
    from customers
    inner join villages
        on
            customers.legal_entity_code = villages.legal_entity_code
            and customers.village_code = villages.village_code
    where villages.latitude is not null and villages.longitude is not null
    union all
    select
        legal_entity_code,
        customer_id,
        latitude,
        longitude
    from shops
),

away as (
    select
        on_site.legal_entity_code,
        on_site.visit_id,
        min({{ great_circle_km('on_site.latitude', 'on_site.longitude', 'places.latitude', 'places.longitude') }})
            as km_from_customer
    from on_site
    inner join places
        on
            on_site.legal_entity_code = places.legal_entity_code
            and on_site.customer_id = places.customer_id
    where on_site.latitude is not null and on_site.longitude is not null
    group by on_site.legal_entity_code, on_site.visit_id
),

-- five decimals of a degree are a metre: no receiver says the same twice unless the place was not measured
spots as (
    select
        legal_entity_code,
        round(latitude, 5) as latitude,
        round(longitude, 5) as longitude,
        count(distinct customer_id) as customers
    from on_site
    where latitude is not null and longitude is not null
    group by all
),

neighbours as (
    select
        legal_entity_code,
        visit_id,
        manager_id,
        visited_at,
        visited_date,
        latitude,
        longitude,
        lag(visited_at) over of_day as previous_at,
        lag(latitude) over of_day as previous_latitude,
        lag(longitude) over of_day as previous_longitude,
        count(*) filter (where recorded_at is not null) over (
            partition by legal_entity_code, manager_id
            order by recorded_at
            range between interval {{ bulk_minutes }} minute preceding
            and interval {{ bulk_minutes }} minute following
        ) as bulk_entries,
        date_diff('minute', lag(visited_at) over of_customer, visited_at) as minutes_since_same_customer
    from on_site
    window
        of_day as (
            partition by legal_entity_code, manager_id, visited_date
            order by visited_at, visit_id
        ),
        of_customer as (
            partition by legal_entity_code, manager_id, customer_id
            order by visited_at, visit_id
        )
),

travelled as (
    select
        *,
        if(
            latitude + longitude + previous_latitude + previous_longitude is null,
            null,
            {{ great_circle_km('previous_latitude', 'previous_longitude', 'latitude', 'longitude') }}
        ) as km_from_previous,
        greatest(date_diff('minute', previous_at, visited_at), 1) / 60.0 as hours_from_previous
    from neighbours
),

-- a pair of visits is a trip of both; where one lies between two trips the faster one counts
trips as (
    select
        *,
        km_from_previous / hours_from_previous as kmh_from_previous,
        lead(km_from_previous) over of_day as km_to_next,
        lead(km_from_previous / hours_from_previous) over of_day as kmh_to_next
    from travelled
    window of_day as (
        partition by legal_entity_code, manager_id, visited_date
        order by visited_at, visit_id
    )
)

select
    resolved.legal_entity_code,
    resolved.visit_id,
    resolved.customer_id,
    resolved.core_customer_id,
    resolved.manager_id,
    resolved.visit_method,
    resolved.visit_type,
    resolved.visited_at,
    resolved.visited_date,
    resolved.recorded_at,
    resolved.outcome,
    resolved.content,
    round(away.km_from_customer, 3) as km_from_customer,
    round(
        if(
            coalesce(trips.kmh_from_previous, -1) >= coalesce(trips.kmh_to_next, -1),
            trips.km_from_previous,
            trips.km_to_next
        ), 3
    ) as travel_km,
    round(greatest(trips.kmh_from_previous, trips.kmh_to_next), 1) as travel_kmh,
    spots.customers as customers_at_spot,
    if(resolved.recorded_at is null, null, trips.bulk_entries) as bulk_entries,
    if(
        resolved.visit_method = 'on_site',
        round(date_diff('minute', resolved.visited_at, resolved.recorded_at) / 60.0, 3),
        null
    ) as entry_delay_hours,
    hour(resolved.recorded_at) as recorded_hour,
    recorded_days.is_day_off as is_recorded_on_day_off,
    visited_days.is_day_off,
    trips.minutes_since_same_customer
from resolved
left join trips
    on
        resolved.legal_entity_code = trips.legal_entity_code
        and resolved.visit_id = trips.visit_id
left join away
    on
        resolved.legal_entity_code = away.legal_entity_code
        and resolved.visit_id = away.visit_id
left join spots
    on
        trips.legal_entity_code = spots.legal_entity_code
        and round(trips.latitude, 5) = spots.latitude
        and round(trips.longitude, 5) = spots.longitude
left join calendar as visited_days
    on
        resolved.legal_entity_code = visited_days.legal_entity_code
        and resolved.visited_date = visited_days.calendar_date
left join calendar as recorded_days
    on
        resolved.legal_entity_code = recorded_days.legal_entity_code
        and cast(resolved.recorded_at as date) = recorded_days.calendar_date
