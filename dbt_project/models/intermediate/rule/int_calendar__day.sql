{%- set holidays = var('holidays') -%}
with

days as (
    select cast(unnest(generate_series(
        {{ business_date() }} - interval 5 year, {{ business_date() }} + interval 1 year, interval 1 day
    )) as date) as calendar_date
),

holidays (holiday_name, first_date, last_date) as (
    values
    {%- for holiday in holidays %}
    ({{ sql_text(holiday.name) }}, date '{{ holiday.first }}', date '{{ holiday.last }}'),
    {%- endfor %}
    (null, null, null)
),

worked (calendar_date) as (
    values
    {%- for holiday in holidays %}
    {%- for day in holiday.working %}
    (date '{{ day }}'),
    {%- endfor %}
    {%- endfor %}
    (null)
),

judged as (
    select
        days.calendar_date,
        holidays.holiday_name,
        holidays.holiday_name is not null
        or (isodow(days.calendar_date) in (6, 7) and worked.calendar_date is null) as is_day_off
    from days
    left join holidays on days.calendar_date between holidays.first_date and holidays.last_date
    left join worked on days.calendar_date = worked.calendar_date
),

-- the next working day, to count the days off between
followed as (
    select
        *,
        min(calendar_date) filter (where not is_day_off) over (
            order by calendar_date rows between 1 following and unbounded following
        ) as next_working_date
    from judged
)

select
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    calendar_date,
    holiday_name,
    is_day_off,
    next_working_date,
    if(is_day_off, 0, coalesce(cast(next_working_date - calendar_date as integer) - 1, 0)) as days_off_ahead
from followed
