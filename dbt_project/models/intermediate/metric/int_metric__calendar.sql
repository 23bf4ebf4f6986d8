select cast(calendar.calendar_time as date) as calendar_date
from range(
    date_trunc('year', {{ business_date() }}), cast({{ business_date() }} + 1 as timestamp), interval 1 day
) as calendar (calendar_time)
