-- Distances that are known from elsewhere: city pairs, the same place, the antimeridian, pole and antipode.
with

pairs (pair, latitude_a, longitude_a, latitude_b, longitude_b, least_km, most_km) as (
    values
    ('Beijing-Shanghai', 39.9042, 116.4074, 31.2304, 121.4737, 1064, 1070),
    ('Nanjing-Beijing', 32.0603, 118.7969, 39.9042, 116.4074, 897, 903),
    ('London-Paris', 51.5074, -0.1278, 48.8566, 2.3522, 342, 345),
    ('Sydney-Tokyo', -33.8688, 151.2093, 35.6762, 139.6503, 7810, 7840),
    ('Tokyo-Honolulu, over the antimeridian', 35.6762, 139.6503, 21.3069, -157.8583, 6190, 6225),
    ('one degree of the equator, over the antimeridian', 0, 179.5, 0, -179.5, 111.1, 111.3),
    ('equator-pole', 0, 30, 90, -100, 10007.4, 10007.7),
    ('antipodes', 10, 20, -10, -160, 20015.0, 20015.2),
    ('the same place', 32.9, 119.8, 32.9, 119.8, 0, 0)
)

select *
from pairs
where {{ great_circle_km('latitude_a', 'longitude_a', 'latitude_b', 'longitude_b') }} not between least_km and most_km
