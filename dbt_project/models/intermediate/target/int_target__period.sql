with

calendar as (
    select cast(year_days.first_day as date) as calendar_day
    from
        generate_series(
            date_trunc('year', {{ business_date() }}),
            date_trunc('year', {{ business_date() }}) + interval 1 year - interval 1 day,
            interval 1 day
        ) as year_days (first_day)
),

phases (first_month, last_month, phase_weight) as (
    values
    {%- for phase in var('performance').phases %}
    ({{ phase.first_month }}, {{ phase.last_month }}, {{ phase.weight }}),
    {%- endfor %}
    (1, 12, null)
),

weighted as (
    select
        calendar.calendar_day,
        -- without phases every day weighs the same
        coalesce(max(
            phases.phase_weight / date_diff(
                'day',
                make_date(year(calendar.calendar_day), phases.first_month, 1),
                make_date(year(calendar.calendar_day), phases.last_month, 1) + interval 1 month
            )
        ), 1) as day_weight
    from calendar
    left join phases
        on month(calendar.calendar_day) >= phases.first_month and month(calendar.calendar_day) <= phases.last_month
    group by calendar.calendar_day
),

periods as (
    {%- for period_type, period_rank in [('year', 4), ('quarter', 3), ('month', 2)] %}
    select
        '{{ period_type }}' as period_type,
        {{ period_rank }} as period_rank,
        cast(date_trunc('{{ period_type }}', {{ business_date() }}) as date) as period_start,
        {{ period_end("'" ~ period_type ~ "'", 'period_start') }} as period_end
    union all
    {%- endfor %}
    select
        'day' as period_type,
        1 as period_rank,
        {{ business_date() }} as period_start,
        {{ business_date() }} + 1 as period_end
)

select
    periods.period_type,
    periods.period_rank,
    periods.period_start,
    periods.period_end,
    periods.period_end - periods.period_start as day_count,
    {{ business_date() }} - periods.period_start + 1 as days_elapsed,
    ({{ business_date() }} - periods.period_start + 1) / (periods.period_end - periods.period_start) as pace_share,
    round(sum(weighted.day_weight), 9) as flow_weight
from periods
inner join weighted
    on periods.period_start <= weighted.calendar_day and periods.period_end > weighted.calendar_day
group by periods.period_type, periods.period_rank, periods.period_start, periods.period_end
