with

accounts as (
    select * from {{ ref('stg_core__account') }}
    where open_date <= {{ business_date() }}
),

balances as (
    select * from {{ ref('int_account_balance__collected') }}
    where business_date <= {{ business_date() }} and balance_date <= {{ business_date() }}
),

account_days as (
    select * from {{ ref('int_account_day__aggregated') }}
    where business_date <= {{ business_date() }} and posting_date <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

delivered as (
    select
        legal_entity_code,
        account_id,
        max_by(balance, balance_date) as balance,
        max_by(balance, balance_date) filter (where balance_date < {{ business_date() }}) as balance_previous_day
    from balances
    group by legal_entity_code, account_id
),

-- For a bank without a balance table: the balance after the last posting of each day.
posted as (
    select
        legal_entity_code,
        account_id,
        max_by(closing_balance, posting_date) as balance,
        max_by(closing_balance, posting_date) filter (where posting_date < {{ business_date() }})
            as balance_previous_day
    from account_days
    where closing_balance is not null
    group by legal_entity_code, account_id
),

joined as (
    select
        accounts.*,
        identity.customer_id as resolved_customer_id,
        accounts.status <> 'closed'
        and (accounts.close_date is null or accounts.close_date > {{ business_date() }}) as is_open,
        coalesce(delivered.balance, posted.balance, 0) as standing_balance,
        coalesce(delivered.balance_previous_day, posted.balance_previous_day, 0) as standing_balance_previous_day
    from accounts
    inner join identity
        on
            accounts.legal_entity_code = identity.legal_entity_code
            and accounts.customer_id = identity.source_key
    left join delivered
        on
            accounts.legal_entity_code = delivered.legal_entity_code
            and accounts.account_id = delivered.account_id
    left join posted
        on
            accounts.legal_entity_code = posted.legal_entity_code
            and accounts.account_id = posted.account_id
)

select
    legal_entity_code,
    account_id,
    resolved_customer_id as customer_id,
    customer_id as core_customer_id,
    product_code,
    account_type,
    account_type in ('demand', 'fixed', 'notice', 'margin') as is_deposit,
    deposit_class,
    is_basic_account,
    branch_code,
    open_date,
    close_date,
    maturity_date,
    status,
    is_open,
    cast(if(is_open, standing_balance, 0) as decimal(18, 2)) as balance,
    cast(standing_balance_previous_day as decimal(18, 2)) as balance_previous_day
from joined
