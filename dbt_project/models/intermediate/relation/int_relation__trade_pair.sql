with

pair_days as (
    select * from {{ ref('int_relation__posting_pair_day') }}
    where business_date <= {{ business_date() }} and {{ within_days('posting_date', var('trade_window_days')) }}
),

accounts as (
    select * from {{ ref('stg_core__account') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

owned as (
    select
        accounts.legal_entity_code,
        accounts.account_id,
        accounts.account_number_key,
        identity.customer_id
    from accounts
    inner join identity
        on
            accounts.legal_entity_code = identity.legal_entity_code
            and accounts.customer_id = identity.source_key
),

-- an account number that two customers hold tells nothing
holders as (
    select
        legal_entity_code,
        account_number_key,
        min(customer_id) as customer_id
    from owned
    where account_number_key is not null
    group by legal_entity_code, account_number_key
    having count(distinct customer_id) = 1
),

-- materialized, or the planner may begin with every pair of customers who are not the same
own_days as materialized (
    select
        pair_days.*,
        owned.customer_id
    from pair_days
    inner join owned
        on
            pair_days.legal_entity_code = owned.legal_entity_code
            and pair_days.account_id = owned.account_id
),

known as (
    select
        own_days.*,
        holders.customer_id as counterparty_id
    from own_days
    inner join holders
        on
            own_days.legal_entity_code = holders.legal_entity_code
            and own_days.counterparty_account_key = holders.account_number_key
    where own_days.customer_id <> holders.customer_id
),

-- a transfer within the bank is posted on both accounts, so each side is summed for itself
sides as (
    select
        legal_entity_code,
        customer_id as payer_id,
        counterparty_id as payee_id,
        posting_date,
        paid_count as payer_count,
        paid_amount as payer_amount,
        0 as payee_count,
        0 as payee_amount
    from known
    where paid_count > 0
    union all
    select
        legal_entity_code,
        counterparty_id as payer_id,
        customer_id as payee_id,
        posting_date,
        0 as payer_count,
        0 as payer_amount,
        received_count as payee_count,
        received_amount as payee_amount
    from known
    where received_count > 0
),

summed as (
    select
        legal_entity_code,
        payer_id,
        payee_id,
        greatest(sum(payer_count), sum(payee_count)) as payment_count,
        greatest(sum(payer_amount), sum(payee_amount)) as payment_amount,
        min(posting_date) as first_payment_date,
        max(posting_date) as last_payment_date
    from sides
    group by legal_entity_code, payer_id, payee_id
)

select
    legal_entity_code,
    payer_id,
    payee_id,
    cast(payment_count as bigint) as payment_count,
    cast(payment_amount as decimal(18, 2)) as payment_amount,
    first_payment_date,
    last_payment_date,
    payment_count >= {{ var('trade_partner_payments') }}
    and payment_amount >= {{ var('trade_partner_amount') }} as is_regular
from summed
