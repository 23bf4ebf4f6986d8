select cast(days.day as date) as day
from range(
    date_trunc('year', {{ business_date() }}), cast({{ business_date() }} + 1 as timestamp), interval 1 day
) as days (day)
