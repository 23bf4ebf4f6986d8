-- National Day of 2026: seven days off after 30 September, a Sunday and a Saturday worked for them.
with

known (calendar_date, is_day_off, days_off_ahead) as (
    values
    (date '2026-09-18', false, 1),
    (date '2026-09-19', true, 0),
    (date '2026-09-20', false, 0),
    (date '2026-09-24', false, 3),
    (date '2026-09-30', false, 7),
    (date '2026-10-07', true, 0),
    (date '2026-10-10', false, 1)
)

select known.*
from known
inner join {{ ref('int_calendar__day') }} as calendar
    on known.calendar_date = calendar.calendar_date
where
    known.is_day_off <> calendar.is_day_off
    or known.days_off_ahead <> calendar.days_off_ahead
