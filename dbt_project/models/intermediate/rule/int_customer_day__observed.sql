with

features as (
    select * from {{ ref('int_customer__features') }}
    where is_bank_customer
),

accounts as (
    select * from {{ ref('int_account__balanced') }}
),

account_days as (
    select * from {{ ref('int_account_day__aggregated') }}
    where business_date <= {{ business_date() }} and posting_date = {{ business_date() }}
),

calendar as (
    select * from {{ ref('int_calendar__day') }}
),

-- who is told of this day works on the next one
tomorrow as (
    select
        today.legal_entity_code,
        next_day.days_off_ahead
    from calendar as today
    inner join calendar as next_day
        on
            today.legal_entity_code = next_day.legal_entity_code
            and today.next_working_date = next_day.calendar_date
    where today.calendar_date = {{ business_date() }}
),

demand as (
    select
        legal_entity_code,
        customer_id,
        sum(balance) as demand_balance
    from accounts
    where account_type = 'demand'
    group by legal_entity_code, customer_id
),

posted as (
    select
        accounts.legal_entity_code,
        accounts.customer_id,
        sum(account_days.inflow) as inflow,
        sum(account_days.bill_received) as bill_received,
        sum(account_days.foreign_exchange) as foreign_exchange_received
    from account_days
    inner join accounts
        on
            account_days.legal_entity_code = accounts.legal_entity_code
            and account_days.account_id = accounts.account_id
    group by accounts.legal_entity_code, accounts.customer_id
)

select
    features.legal_entity_code,
    features.business_date,
    features.customer_id,
    features.customer_type,
    features.is_bank_customer,
    features.is_credited,
    features.has_wealth,
    features.deposit_class_main,
    cast(features.deposit_balance - features.deposit_balance_previous_day as decimal(18, 2)) as deposit_rise,
    cast(coalesce(demand.demand_balance, 0) as decimal(18, 2)) as demand_balance,
    features.outflow_90d,
    cast(coalesce(posted.inflow, 0) as decimal(18, 2)) as inflow,
    cast(coalesce(posted.bill_received, 0) as decimal(18, 2)) as bill_received,
    cast(coalesce(posted.foreign_exchange_received, 0) as decimal(18, 2)) as foreign_exchange_received,
    coalesce(tomorrow.days_off_ahead, 0) as days_off_ahead
from features
left join demand
    on
        features.legal_entity_code = demand.legal_entity_code
        and features.customer_id = demand.customer_id
left join posted
    on
        features.legal_entity_code = posted.legal_entity_code
        and features.customer_id = posted.customer_id
left join tomorrow
    on features.legal_entity_code = tomorrow.legal_entity_code
