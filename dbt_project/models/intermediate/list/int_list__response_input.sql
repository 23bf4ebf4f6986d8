with

past as (
    select * from {{ list_outcomes_before() }}
),

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
),

core_customers as (
    select * from identity
    where source_table = 'core.customer'
),

accounts as (
    select * from {{ ref('int_account__balanced') }}
),

signups as (
    select * from {{ ref('stg_core__product_signup') }}
),

products as (
    select * from {{ ref('stg_master__product') }}
),

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where customer_id is not null
),

merchant_days as (
    select * from {{ ref('int_merchant_day__aggregated') }}
    where business_date <= {{ business_date() }}
),

account_days as (
    select * from {{ ref('int_account_day__aggregated') }}
    where business_date <= {{ business_date() }}
),

balances as (
    select * from {{ ref('int_account_balance__collected') }}
    where business_date <= {{ business_date() }}
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
    where is_signed
),

loans as (
    select * from {{ ref('int_loan__assessed') }}
),

touches as (
    select * from {{ ref('int_funnel__touch') }}
    where touch_kind in ('contact', 'visit')
),

-- with past rows enough for a model to be held against the rule
learnable as (
    select
        legal_entity_code,
        list_code
    from past
    group by legal_entity_code, list_code
    having count(*) >= {{ var('response_model').takeover.rows_least }}
),

listings as (
    select
        legal_entity_code,
        customer_id,
        listed_date
    from past
    union
    select
        candidates.legal_entity_code,
        candidates.customer_id,
        {{ business_date() }} as listed_date
    from candidates
    inner join learnable
        on
            candidates.legal_entity_code = learnable.legal_entity_code
            and candidates.list_code = learnable.list_code
),

facts as (
    select
        legal_entity_code,
        customer_id,
        'opened' as kind,
        open_date as fact_date,
        cast(null as date) as until_date,
        cast(null as varchar) as said,
        cast(null as double) as amount
    from {{ ref('int_customer__resolved') }}
    union all
    select
        legal_entity_code,
        customer_id,
        'product' as kind,
        open_date as fact_date,
        close_date as until_date,
        product_code as said,
        null as amount
    from accounts
    union all
    select
        signups.legal_entity_code,
        core_customers.customer_id,
        if(products.category = 'channel' and products.product_name like '%手机银行%', 'mobile_bank', 'product') as kind,
        signups.signup_date as fact_date,
        signups.cancel_date as until_date,
        signups.product_code as said,
        null as amount
    from signups
    inner join core_customers
        on
            signups.legal_entity_code = core_customers.legal_entity_code
            and signups.customer_id = core_customers.source_key
    left join products
        on
            signups.legal_entity_code = products.legal_entity_code
            and signups.product_code = products.product_code
    union all
    select
        legal_entity_code,
        customer_id,
        'merchant' as kind,
        signed_date as fact_date,
        null as until_date,
        'acquiring' as said,
        null as amount
    from merchants
    union all
    select
        merchant_days.legal_entity_code,
        merchants.customer_id,
        'takings' as kind,
        merchant_days.transaction_date as fact_date,
        merchant_days.transaction_date + 90 as until_date,
        null as said,
        merchant_days.amount
    from merchant_days
    inner join merchants
        on
            merchant_days.legal_entity_code = merchants.legal_entity_code
            and merchant_days.merchant_id = merchants.merchant_id
    union all
    select
        account_days.legal_entity_code,
        accounts.customer_id,
        'inflow' as kind,
        account_days.posting_date as fact_date,
        account_days.posting_date + 90 as until_date,
        null as said,
        account_days.inflow as amount
    from account_days
    inner join accounts
        on
            account_days.legal_entity_code = accounts.legal_entity_code
            and account_days.account_id = accounts.account_id
    where account_days.inflow > 0
    union all
    select
        credit_lines.legal_entity_code,
        credit_lines.customer_id,
        'credit_line' as kind,
        credit_lines.signed_date as fact_date,
        credit_lines.expiry_date as until_date,
        credit_lines.product_code as said,
        null as amount
    from credit_lines
    union all
    select
        legal_entity_code,
        customer_id,
        'draw' as kind,
        disbursed_date as fact_date,
        null as until_date,
        null as said,
        null as amount
    from loans
    union all
    select
        legal_entity_code,
        customer_id,
        'settled' as kind,
        settled_date as fact_date,
        null as until_date,
        null as said,
        null as amount
    from loans
    where settled_date is not null
    union all
    select
        identity.legal_entity_code,
        identity.customer_id,
        'whitelist' as kind,
        whitelist.granted_date as fact_date,
        whitelist.expiry_date as until_date,
        null as said,
        whitelist.limit_amount as amount
    from {{ ref('stg_credit__whitelist') }} as whitelist
    inner join identity
        on
            whitelist.legal_entity_code = identity.legal_entity_code
            and {{ whitelist_record_key('whitelist') }} = identity.source_key
            and identity.source_table = 'credit.whitelist'
    union all
    select
        identity.legal_entity_code,
        identity.customer_id,
        'evaluation' as kind,
        roster.evaluated_date as fact_date,
        null as until_date,
        roster.evaluation as said,
        null as amount
    from {{ ref('stg_credit__village_roster') }} as roster
    inner join identity
        on
            roster.legal_entity_code = identity.legal_entity_code
            and {{ roster_record_key('roster') }} = identity.source_key
            and identity.source_table = 'credit.village_roster'
    where roster.evaluated_date is not null
    union all
    select
        legal_entity_code,
        customer_id,
        touch_kind as kind,
        cast(touched_at as date) as fact_date,
        null as until_date,
        outcome as said,
        null as amount
    from touches
),

-- The one way in: nothing dated on the day of listing or after it is known, of past listings and today's alike. A fact
-- that ended before the listing is known and no longer holds.
known as (
    select
        listings.legal_entity_code,
        listings.customer_id,
        listings.listed_date,
        facts.kind,
        facts.fact_date,
        facts.said,
        facts.amount,
        facts.until_date is null or facts.until_date >= listings.listed_date as holds
    from listings
    inner join facts
        on
            listings.legal_entity_code = facts.legal_entity_code
            and listings.customer_id = facts.customer_id
            and listings.listed_date > facts.fact_date
    -- of sums over 90 days only what is in them
    where facts.kind not in ('takings', 'inflow') or facts.until_date >= listings.listed_date
),

summed as (
    select
        legal_entity_code,
        customer_id,
        listed_date,
        (listed_date - min(fact_date) filter (where kind = 'opened')) / 365.25 as relation_years,
        count(distinct said) filter (
            where holds and kind in ('product', 'mobile_bank', 'merchant', 'credit_line')
        ) as product_count,
        bool_or(holds and kind = 'mobile_bank') as has_mobile_bank,
        bool_or(kind = 'merchant') as has_merchant,
        min(fact_date) filter (where kind = 'merchant') as merchant_signed_date,
        sum(amount) filter (where kind = 'takings') as merchant_amount_90d,
        sum(amount) filter (where kind = 'inflow') as inflow_90d,
        bool_or(holds and kind = 'whitelist') as is_whitelisted,
        max_by(amount, fact_date) filter (where holds and kind = 'whitelist') as whitelist_limit,
        max_by(said, fact_date) filter (where kind = 'evaluation') as evaluation,
        bool_or(holds and kind = 'credit_line') as has_credit_line,
        min(fact_date) filter (where holds and kind = 'credit_line') as credit_signed_date,
        count(*) filter (where kind = 'draw') as draw_count,
        max(fact_date) filter (where kind = 'settled') as settled_date,
        count(*) filter (where kind = 'contact' and fact_date >= listed_date - 180) as contact_count_180d,
        max(fact_date) filter (where kind = 'contact') as last_contacted_date,
        max(fact_date) filter (where kind = 'contact' and said = 'interested') as last_interested_date,
        max(fact_date) filter (where kind = 'contact' and said = 'refused') as last_refused_date,
        count(*) filter (where kind = 'visit' and fact_date >= listed_date - 180) as visit_count_180d
    from known
    group by legal_entity_code, customer_id, listed_date
),

last_balances as (
    select
        listings.legal_entity_code,
        listings.customer_id,
        listings.listed_date,
        max_by(balances.balance, balances.balance_date) as balance
    from listings
    inner join accounts
        on
            listings.legal_entity_code = accounts.legal_entity_code
            and listings.customer_id = accounts.customer_id
            and accounts.is_deposit
            and (accounts.close_date is null or listings.listed_date <= accounts.close_date)
    inner join balances
        on
            accounts.legal_entity_code = balances.legal_entity_code
            and accounts.account_id = balances.account_id
            and listings.listed_date > balances.balance_date
    group by listings.legal_entity_code, listings.customer_id, listings.listed_date, accounts.account_id
),

deposits as (
    select
        legal_entity_code,
        customer_id,
        listed_date,
        sum(balance) as deposit_balance
    from last_balances
    group by legal_entity_code, customer_id, listed_date
),

-- What was not recorded yet is unknown, not nothing.
began as (
    select
        (select min(posting_date) from account_days) as first_posting_date,
        (select min(transaction_date) from merchant_days) as first_takings_date,
        (select min(balance_date) from balances) as first_balance_date
)

select
    listings.legal_entity_code,
    listings.customer_id,
    listings.listed_date,
    listings.listed_date = {{ business_date() }} as is_present,
    cast(coalesce(summed.relation_years, 0) as double) as relation_years,
    cast(coalesce(summed.product_count, 0) as integer) as product_count,
    coalesce(summed.has_mobile_bank, false) as has_mobile_bank,
    coalesce(summed.has_merchant, false) as has_merchant,
    summed.merchant_signed_date,
    cast(
        if(began.first_takings_date <= listings.listed_date - 90, coalesce(summed.merchant_amount_90d, 0), null)
        as double
    ) as merchant_amount_90d,
    cast(
        if(began.first_posting_date <= listings.listed_date - 90, coalesce(summed.inflow_90d, 0), null) as double
    ) as inflow_90d,
    cast(
        if(began.first_balance_date < listings.listed_date, coalesce(deposits.deposit_balance, 0), null) as double
    ) as deposit_balance,
    coalesce(summed.is_whitelisted, false) as is_whitelisted,
    cast(coalesce(summed.whitelist_limit, 0) as double) as whitelist_limit,
    summed.evaluation,
    coalesce(summed.evaluation in ('excellent', 'good'), false) as is_evaluated_good,
    coalesce(summed.has_credit_line, false) as has_credit_line,
    summed.credit_signed_date,
    cast(coalesce(summed.draw_count, 0) as integer) as draw_count,
    summed.settled_date is not null as has_settled_loan,
    summed.settled_date,
    cast(coalesce(summed.contact_count_180d, 0) as integer) as contact_count_180d,
    -- who was never contacted, or so long ago, is like one contacted a year ago
    cast(least(coalesce(listings.listed_date - summed.last_contacted_date, 365), 365) as integer) as days_since_contact,
    coalesce(summed.last_interested_date >= listings.listed_date - 180, false) as was_interested_180d,
    coalesce(summed.last_refused_date >= listings.listed_date - 180, false) as was_refused_180d,
    summed.last_interested_date,
    summed.last_refused_date,
    cast(coalesce(summed.visit_count_180d, 0) as integer) as visit_count_180d
from listings
cross join began
left join summed
    on
        listings.legal_entity_code = summed.legal_entity_code
        and listings.customer_id = summed.customer_id
        and listings.listed_date = summed.listed_date
left join deposits
    on
        listings.legal_entity_code = deposits.legal_entity_code
        and listings.customer_id = deposits.customer_id
        and listings.listed_date = deposits.listed_date
