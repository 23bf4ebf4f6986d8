{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=["{{ delete_business_date() }}", "{{ forget_days(var('kpi_days_kept')) }}"],
) }}
{%- set is_first = not is_incremental() %}

with

wanted as (
    select distinct measures.measure_code
    from {{ ref('int_target__measure') }} as measures
    inner join {{ ref('int_target__stated') }} as targets on measures.measure_code = targets.measure_code
    where measures.measure_kind = 'stock'
),

metric_values as (
    select * from {{ ref('int_metric__value') }}
    where dimension in ('bank', 'branch', 'manager')
),

today as (
    select
        metric_values.legal_entity_code,
        metric_values.dimension,
        metric_values.dimension_value,
        metric_values.metric_code as measure_code,
        metric_values.value
    from metric_values
    inner join wanted on metric_values.metric_code = wanted.measure_code
){{ "," if is_first }}

{% if is_first -%}
-- A new bank has few business dates: days before the first are worked back from dated sources, once, with portfolios
-- as of today. Of customers only openings are dated, not endings.
customers as (
    select * from {{ ref('int_metric__base') }}
),

delivered_balances as (
    select * from {{ ref('int_account_balance__collected') }}
    where business_date <= {{ business_date() }} and balance_date <= {{ business_date() }}
),

account_days as (
    select * from {{ ref('int_account_day__aggregated') }}
    where business_date <= {{ business_date() }} and posting_date <= {{ business_date() }}
),

accounts as (
    select * from {{ ref('int_account__balanced') }}
    where is_deposit
),

loans as (
    select * from {{ ref('int_loan__assessed') }}
),

repayments as (
    select * from {{ ref('stg_credit__repayment') }}
),

balances as (
    select
        legal_entity_code,
        account_id,
        balance_date,
        balance
    from delivered_balances
    union all
    select
        legal_entity_code,
        account_id,
        posting_date,
        closing_balance
    from account_days
    where closing_balance is not null and not exists (select 1 from delivered_balances)
),

balance_changes as (
    select
        balances.legal_entity_code,
        accounts.customer_id,
        balances.balance_date as changed_date,
        -- an account opened in these days began with nothing; of others the first balance is no change
        balances.balance - coalesce(
            lag(balances.balance) over account_history,
            case when {{ within_days('accounts.open_date', var('kpi_days_kept')) }} then 0 end
        ) as moved_by
    from balances
    inner join accounts
        on
            balances.legal_entity_code = accounts.legal_entity_code
            and balances.account_id = accounts.account_id
    window account_history as (
        partition by balances.legal_entity_code, balances.account_id order by balances.balance_date
    )
),

customer_changes as (
    select
        legal_entity_code,
        customer_id,
        changed_date,
        'deposits' as measure_code,
        moved_by
    from balance_changes
    union all
    select
        legal_entity_code,
        customer_id,
        disbursed_date as changed_date,
        'outstanding' as measure_code,
        loan_amount as moved_by
    from loans
    union all
    select
        loans.legal_entity_code,
        loans.customer_id,
        repayments.repayment_date as changed_date,
        'outstanding' as measure_code,
        -repayments.principal as moved_by
    from repayments
    inner join loans
        on
            repayments.legal_entity_code = loans.legal_entity_code
            and repayments.loan_id = loans.loan_id
    union all
    select
        legal_entity_code,
        customer_id,
        open_date as changed_date,
        'customers' as measure_code,
        1 as moved_by
    from customers
    where is_bank_customer
    union all
    select
        legal_entity_code,
        customer_id,
        open_date as changed_date,
        'managed_customers' as measure_code,
        1 as moved_by
    from customers
    where is_bank_customer and manager_id is not null
),

first_dates as (
    select
        legal_entity_code,
        measure_code,
        min(changed_date) as first_date
    from customer_changes
    group by legal_entity_code, measure_code
),

manager_changes as (
    select
        customers.legal_entity_code,
        customers.branch_code,
        customers.manager_code,
        customer_changes.measure_code,
        customer_changes.changed_date,
        sum(customer_changes.moved_by) as moved_by
    from customer_changes
    inner join customers
        on
            customer_changes.legal_entity_code = customers.legal_entity_code
            and customer_changes.customer_id = customers.customer_id
    where {{ within_days('customer_changes.changed_date', var('kpi_days_kept')) }}
    group by
        customers.legal_entity_code,
        customers.branch_code,
        customers.manager_code,
        customer_changes.measure_code,
        customer_changes.changed_date
),

member_changes as (
    {{ by_dimension('manager_changes', {'branch': 'branch_code', 'manager': 'manager_code'}) }}
),

day_changes as (
    select
        legal_entity_code,
        dimension,
        dimension_value,
        measure_code,
        changed_date,
        sum(moved_by) as moved_by
    from member_changes
    group by legal_entity_code, dimension, dimension_value, measure_code, changed_date
),

calendar as (
    select {{ business_date() }} - cast(past_days.days_back as integer) as calendar_day
    from range(1, {{ var('kpi_days_kept') }}) as past_days (days_back)
),

worked_back as (
    select
        today.legal_entity_code,
        today.dimension,
        today.dimension_value,
        today.measure_code,
        calendar.calendar_day as business_date,
        today.value - sum(coalesce(next_changes.moved_by, 0)) over (
            partition by today.legal_entity_code, today.dimension, today.dimension_value, today.measure_code
            order by calendar.calendar_day desc
        ) as value,
        true as is_worked_back
    from today
    inner join first_dates
        on
            today.legal_entity_code = first_dates.legal_entity_code
            and today.measure_code = first_dates.measure_code
    inner join calendar on first_dates.first_date <= calendar.calendar_day
    left join day_changes as next_changes
        on
            today.legal_entity_code = next_changes.legal_entity_code
            and today.dimension = next_changes.dimension
            and today.dimension_value = next_changes.dimension_value
            and today.measure_code = next_changes.measure_code
            and calendar.calendar_day + 1 = next_changes.changed_date
)
{%- endif %}

select
    {{ business_date() }} as business_date,
    legal_entity_code,
    dimension,
    dimension_value,
    measure_code,
    cast(value as double) as value,
    false as is_worked_back
from today
{% if is_first -%}
union all
select
    business_date,
    legal_entity_code,
    dimension,
    dimension_value,
    measure_code,
    cast(value as double) as value,
    is_worked_back
from worked_back
{%- endif %}
