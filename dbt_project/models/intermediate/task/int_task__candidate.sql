with

-- the tasks follow from the figures of the business date and are worked from the next working day on
work_days as (
    select
        legal_entity_code,
        next_working_date as work_date
    from {{ ref('int_calendar__day') }}
    where calendar_date = {{ business_date() }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

observed as (
    select * from {{ ref('int_customer_day__observed') }}
),

settlements as (
    select * from {{ ref('int_settlement__assessed') }}
    where settlement_status = 'breach'
),

rule_rows as (
    select * from {{ ref('int_rule__listed') }}
),

touches as (
    select * from {{ ref('int_customer_touch__collected') }}
),

duties as (
    {{ rule_matches('visit_requirement', 'features', ['legal_entity_code', 'customer_id']) }}
),

planned as (
    {{ rule_matches('visit_plan', 'features', ['legal_entity_code', 'customer_id']) }}
),

risen as (
    {{ rule_matches('deposit_rise', 'observed', ['legal_entity_code', 'customer_id', 'deposit_rise']) }}
),

events as (
    {{ rule_matches('event_trigger', 'observed', [
        'legal_entity_code', 'customer_id', 'bill_received', 'foreign_exchange_received', 'inflow', 'demand_balance',
        'days_off_ahead',
    ]) }}
),

found as (
    select
        legal_entity_code,
        customer_id,
        'visit_requirement' as rule_code,
        rule_row,
        cast(null as varchar) as fact
    from duties
    union all
    select
        legal_entity_code,
        customer_id,
        'visit_plan' as rule_code,
        rule_row,
        cast(null as varchar) as fact
    from planned
    union all
    select
        legal_entity_code,
        customer_id,
        'deposit_rise' as rule_code,
        rule_row,
        format('时点存款较上日新增{:.1f}万元', deposit_rise / 10000.0) as fact
    from risen
    union all
    select
        legal_entity_code,
        customer_id,
        'event_trigger' as rule_code,
        rule_row,
        case rule_row
            when 'bill_received' then format('当日收票{:.1f}万元', bill_received / 10000.0)
            when 'foreign_exchange' then format('当日收汇{:.1f}万元', foreign_exchange_received / 10000.0)
            when 'large_deposit' then format('当日存入{:.1f}万元', inflow / 10000.0)
            when 'surplus_balance' then format('活期余额{:.1f}万元', demand_balance / 10000.0)
            else format('活期余额{:.1f}万元,下一工作日后连休{}天', demand_balance / 10000.0, days_off_ahead)
        end as fact
    from events
    union all
    select
        legal_entity_code,
        customer_id,
        'settlement_requirement' as rule_code,
        binding_rule as rule_row,
        format(
            '结算占比{:.1f}%,贷款占比{:.1f}%,月均结算{:.0f}笔',
            100 * settlement_share, 100 * loan_share, monthly_settlement_count
        ) as fact
    from settlements
),

-- The turn of a customer within a period: parts of seven days, four a month. It follows from the customer's id, so that
-- everybody keeps the place from day to day.
turned as (
    select
        found.*,
        rule_rows.method,
        rule_rows.responsible_role,
        rule_rows.due_days,
        rule_rows.priority,
        rule_rows.period,
        rule_rows.requirement,
        work_days.work_date,
        if(
            rule_rows.period = 'day',
            {{ business_date() }},
            cast(date_trunc(rule_rows.period, work_days.work_date) as date)
        ) as period_start,
        if(rule_rows.period = 'quarter', 12, 4) as turns,
        if(rule_rows.period = 'quarter', 4 * ((month(work_days.work_date) - 1) % 3), 0)
        + least((day(work_days.work_date) - 1) // 7, 3) as turn_now,
        cast('0x' || left(md5(found.customer_id || found.rule_row), 8) as bigint) as order_key
    from found
    inner join rule_rows
        on
            found.legal_entity_code = rule_rows.legal_entity_code
            and found.rule_code = rule_rows.rule_code
            and found.rule_row = rule_rows.rule_row
    inner join work_days
        on found.legal_entity_code = work_days.legal_entity_code
),

-- what the period asks for and has been done already is no task any more
fulfilled as (
    select distinct
        turned.legal_entity_code,
        turned.customer_id,
        turned.rule_code,
        turned.rule_row
    from turned
    inner join touches
        on
            turned.legal_entity_code = touches.legal_entity_code
            and turned.customer_id = touches.customer_id
            and turned.method = touches.method
            and (turned.responsible_role in ('team_head', 'branch_head')) = touches.is_by_head
            and turned.period_start <= touches.touched_date
    where turned.rule_code in ('visit_requirement', 'visit_plan')
)

select
    turned.legal_entity_code,
    turned.customer_id,
    turned.rule_code,
    turned.rule_row,
    turned.period_start,
    turned.period,
    turned.work_date,
    turned.method,
    turned.responsible_role,
    turned.priority,
    turned.due_days,
    turned.rule_code in ('visit_requirement', 'visit_plan') as is_planned,
    turned.order_key % turned.turns as turn,
    turned.order_key,
    concat_ws(';', turned.fact, turned.requirement) as reason
from turned
anti join fulfilled
    on
        turned.legal_entity_code = fulfilled.legal_entity_code
        and turned.customer_id = fulfilled.customer_id
        and turned.rule_code = fulfilled.rule_code
        and turned.rule_row = fulfilled.rule_row
where
    turned.rule_code not in ('visit_requirement', 'visit_plan')
    or turned.order_key % turned.turns <= turned.turn_now
