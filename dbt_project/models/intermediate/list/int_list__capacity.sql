{%- set policy = var('contact_policy') -%}
{%- set classes = ['offline_credit', 'online_credit', 'non_credit'] -%}
with

employees as (
    select * from {{ ref('stg_core__employee') }}
    where {{ in_force('coalesce(hire_date, ' ~ business_date() ~ ')', 'leave_date') }}
),

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

customers as (
    select * from {{ ref('int_metric__base') }}
),

standing as (
    select * from {{ ref('int_list__standing') }}
    where close_reason is null
),

calendar as (
    select * from {{ ref('int_calendar__day') }}
),

channels (channel, contacts_per_day, horizon_days) as (
    values
    {%- for channel, of in policy.channels.items() %}
    ({{ sql_text(channel) }}, {{ of.contacts_per_day }}, {{ of.horizon_days }}),
    {%- endfor %}
    (null, null, null)
),

-- It begins with the next working day: what is given on the eve of a long holiday is worked after it.
horizon as (
    select next_working_date
    from calendar
    where calendar_date = {{ business_date() }}
),

workable as (
    select
        channels.channel,
        cast(channels.contacts_per_day * count(*) as integer) as capacity
    from channels
    cross join horizon
    inner join calendar
        on
            not calendar.is_day_off
            and horizon.next_working_date <= calendar.calendar_date
            and horizon.next_working_date + channels.horizon_days > calendar.calendar_date
    group by channels.channel, channels.contacts_per_day
),

-- whoever looks after somebody who may be listed, besides the managers
responsible as (
    select
        legal_entity_code,
        own_manager_id as manager_id
    from candidates
    union
    select
        legal_entity_code,
        grid_manager_id as manager_id
    from candidates
),

managers as (
    select
        employees.legal_entity_code,
        employees.employee_id as manager_id,
        employees.branch_code,
        employees.role = 'manager' as is_team
    from employees
    left join responsible
        on
            employees.legal_entity_code = responsible.legal_entity_code
            and employees.employee_id = responsible.manager_id
    where employees.role = 'manager' or responsible.manager_id is not null
),

held as (
    select
        legal_entity_code,
        manager_id,
        channel,
        cast(count(*) as integer) as held
    from standing
    group by legal_entity_code, manager_id, channel
),

goals (portfolio_class, goal) as (
    values
    {%- for goal in var('performance').portfolio %}
    ({{ sql_text(goal.measure.removeprefix('managed_customers_')) }}, {{ goal.goal }}),
    {%- endfor %}
    (null, null)
),

managed as (
    select
        legal_entity_code,
        manager_id,
        portfolio_class,
        count(*) as customers
    from customers
    where manager_id is not null
    group by legal_entity_code, manager_id, portfolio_class
),

-- S3: how much of the customers of a class that a portfolio is to have is missing; a class without a goal lacks none
portfolios as (
    select
        managers.legal_entity_code,
        {%- for class in classes %}
        cast(coalesce(
            max(greatest(1 - coalesce(managed.customers, 0) / goals.goal, 0)) filter (
                where goals.portfolio_class = '{{ class }}'
            ), 0
        ) as double) as short_{{ class }},
        {%- endfor %}
        managers.manager_id
    from managers
    cross join goals
    left join managed
        on
            managers.legal_entity_code = managed.legal_entity_code
            and managers.manager_id = managed.manager_id
            and goals.portfolio_class = managed.portfolio_class
    group by managers.legal_entity_code, managers.manager_id
)

select
    managers.legal_entity_code,
    managers.manager_id,
    workable.channel,
    managers.branch_code,
    managers.is_team,
    {%- for class in classes %}
    portfolios.short_{{ class }},
    {%- endfor %}
    workable.capacity,
    coalesce(held.held, 0) as held,
    greatest(workable.capacity - coalesce(held.held, 0), 0) as free
from managers
cross join workable
left join held
    on
        managers.legal_entity_code = held.legal_entity_code
        and managers.manager_id = held.manager_id
        and workable.channel = held.channel
inner join portfolios
    on
        managers.legal_entity_code = portfolios.legal_entity_code
        and managers.manager_id = portfolios.manager_id
