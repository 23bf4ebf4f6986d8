with

definitions as (
    select * from {{ ref('int_list__definition') }}
),

-- A batch is decided on after its date was published, so the rows that are enrolled are those of the days before.
list_rows as (
    select
        legal_entity_code,
        list_code,
        batch_id,
        customer_id,
        channel,
        product_code,
        holdout_unit,
        holdout_cluster,
        is_holdout,
        response_probability,
        listed_date
    from {{ list_rows_before() }}
),

approved as (
    select * from {{ ref('stg_ledger__list_batch') }}
    where state = 'approved'
),

pushed as (
    select * from {{ ref('stg_marketing__pushed_row') }}
    where pushed_date <= {{ business_date() }}
),

identities as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

accounts as (
    select * from {{ ref('int_account__balanced') }}
),

products as (
    select * from {{ ref('stg_master__product') }}
),

-- Everybody who was drawn, for the list or for its control group. What the list is sent on is the evening of its date,
-- so what happens on that date is no outcome; a former system's batch went out in the morning.
enrolled as (
    select
        list_rows.legal_entity_code,
        'warehouse' as origin,
        list_rows.list_code,
        list_rows.batch_id,
        list_rows.customer_id,
        list_rows.is_holdout as is_control,
        if(list_rows.holdout_unit = 'grid', list_rows.holdout_cluster, null) as cluster_code,
        list_rows.channel,
        list_rows.product_code,
        list_rows.response_probability,
        definitions.outcome,
        definitions.outcome_window_days as window_days,
        list_rows.listed_date + 1 as window_start_date,
        list_rows.listed_date + definitions.outcome_window_days as window_end_date
    from list_rows
    inner join approved
        on
            list_rows.legal_entity_code = approved.legal_entity_code
            and list_rows.batch_id = approved.batch_id
    inner join definitions
        on
            list_rows.legal_entity_code = definitions.legal_entity_code
            and list_rows.list_code = definitions.list_code
    union all
    select
        pushed.legal_entity_code,
        'former' as origin,
        pushed.list_code,
        pushed.list_batch_id as batch_id,
        identities.customer_id,
        bool_or(pushed.arm = 'control') as is_control,
        any_value(pushed.cluster_code) as cluster_code,
        any_value(pushed.channel) as channel,
        any_value(definitions.product_code) as product_code,
        cast(null as double) as response_probability,
        any_value(pushed.outcome) as outcome,
        any_value(pushed.outcome_window_days) as window_days,
        min(pushed.pushed_date) as window_start_date,
        min(pushed.pushed_date + cast(pushed.outcome_window_days as integer)) as window_end_date
    from pushed
    inner join identities
        on
            pushed.legal_entity_code = identities.legal_entity_code
            and pushed.customer_id = identities.source_key
    left join definitions
        on
            pushed.legal_entity_code = definitions.legal_entity_code
            and pushed.list_code = definitions.list_code
    group by pushed.legal_entity_code, pushed.list_code, pushed.list_batch_id, identities.customer_id
    -- Of two records that are one person the one may have been pushed and the other held back: neither then.
    having count(distinct pushed.arm) = 1
),

applied as (
    select
        legal_entity_code,
        customer_id,
        cast(entered_at as date) as event_date,
        application_amount as amount
    from {{ ref('int_application__staged') }}
    where stage_code = 'accepted' and customer_id is not null
),

credited as (
    select
        legal_entity_code,
        customer_id,
        approved_date as event_date,
        limit_amount as amount
    from {{ ref('int_credit_line__assessed') }}
),

drawn as (
    select
        legal_entity_code,
        customer_id,
        disbursed_date as event_date,
        loan_amount as amount
    from {{ ref('int_loan__assessed') }}
),

signed_up as (
    select
        identities.legal_entity_code,
        identities.customer_id,
        signups.product_code,
        signups.signup_date as event_date,
        cast(null as decimal(18, 2)) as amount
    from {{ ref('stg_core__product_signup') }} as signups
    inner join identities
        on
            signups.legal_entity_code = identities.legal_entity_code
            and signups.customer_id = identities.source_key
),

opened as (
    select
        accounts.legal_entity_code,
        accounts.customer_id,
        accounts.product_code,
        products.category,
        accounts.open_date as event_date,
        accounts.balance as amount
    from accounts
    left join products
        on
            accounts.legal_entity_code = products.legal_entity_code
            and accounts.product_code = products.product_code
),

merchants as (
    select
        legal_entity_code,
        merchant_id,
        customer_id,
        signed_date as event_date,
        cast(null as decimal(18, 2)) as amount
    from {{ ref('int_merchant__located') }}
),

watched as (
    select distinct
        legal_entity_code,
        customer_id,
        outcome
    from enrolled
),

traded as (
    select
        merchants.legal_entity_code,
        merchants.customer_id,
        merchant_days.transaction_date as event_date,
        sum(merchant_days.amount) as amount
    from {{ ref('int_merchant_day__aggregated') }} as merchant_days
    inner join merchants
        on
            merchant_days.legal_entity_code = merchants.legal_entity_code
            and merchant_days.merchant_id = merchants.merchant_id
    semi join watched
        on
            merchants.legal_entity_code = watched.legal_entity_code
            and merchants.customer_id = watched.customer_id
            and watched.outcome = 'merchant_reactivated'
    where merchant_days.business_date <= {{ business_date() }}
    group by merchants.legal_entity_code, merchants.customer_id, merchant_days.transaction_date
    having sum(merchant_days.transaction_count) > 0
),

used as (
    select distinct
        identities_of_cards.legal_entity_code,
        identities_of_cards.customer_id,
        cards.last_used_date as event_date,
        cast(null as decimal(18, 2)) as amount
    from {{ ref('stg_social_security__card_holder_version') }} as cards
    inner join {{ ref('int_customer__identity') }} as identities_of_cards
        on
            identities_of_cards.source_table = 'social_security.card_holder'
            and cards.legal_entity_code = identities_of_cards.legal_entity_code
            and cards.card_number_key = identities_of_cards.source_key
    semi join watched
        on
            identities_of_cards.legal_entity_code = watched.legal_entity_code
            and identities_of_cards.customer_id = watched.customer_id
            and watched.outcome = 'activated'
    where cards.issuing_bank = 'own' and cards.last_used_date is not null
),

deposits as (
    select * from opened
    where category = 'deposit'
),

-- One part for each way to reach an outcome. product_code: only this product counts; category: only a list for a
-- product of this kind asks for it.
events as (
    {%- for outcome, way, product_code, category in [
        ('applied', 'applied', 'null', 'null'),
        ('credited', 'credited', 'null', 'null'),
        ('drawn', 'drawn', 'null', 'null'),
        ('product_opened', 'signed_up', 'product_code', 'null'),
        ('product_opened', 'opened', 'product_code', 'null'),
        ('product_opened', 'merchants', 'null', "'acquiring'"),
        ('renewed', 'credited', 'null', "'loan'"),
        ('renewed', 'drawn', 'null', "'loan'"),
        ('renewed', 'deposits', 'null', "'deposit'"),
        ('merchant_reactivated', 'traded', 'null', 'null'),
        ('activated', 'used', 'null', 'null'),
    ] %}
    select
        '{{ outcome }}' as outcome,
        cast({{ product_code }} as varchar) as product_code,
        cast({{ category }} as varchar) as category,
        legal_entity_code,
        customer_id,
        event_date,
        amount
    from {{ way }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

reached as (
    select
        enrolled.legal_entity_code,
        enrolled.list_code,
        enrolled.batch_id,
        enrolled.customer_id,
        min(events.event_date) as outcome_date,
        sum(events.amount) as outcome_amount
    from enrolled
    left join products
        on
            enrolled.legal_entity_code = products.legal_entity_code
            and enrolled.product_code = products.product_code
    inner join events
        on
            enrolled.legal_entity_code = events.legal_entity_code
            and enrolled.customer_id = events.customer_id
            and enrolled.outcome = events.outcome
            and coalesce(events.product_code, enrolled.product_code, '') = coalesce(enrolled.product_code, '')
            and coalesce(events.category, products.category, '') = coalesce(products.category, '')
            and enrolled.window_start_date <= events.event_date
            and enrolled.window_end_date >= events.event_date
    where events.event_date <= {{ business_date() }}
    group by enrolled.legal_entity_code, enrolled.list_code, enrolled.batch_id, enrolled.customer_id
),

-- Deposits of those whose list is to make them grow.
watched_accounts as (
    select
        accounts.legal_entity_code,
        accounts.customer_id,
        accounts.account_id
    from accounts
    semi join watched
        on
            accounts.legal_entity_code = watched.legal_entity_code
            and accounts.customer_id = watched.customer_id
            and watched.outcome = 'deposit_grown'
    where accounts.is_deposit
),

delivered_balances as (
    select
        balances.legal_entity_code,
        balances.account_id,
        balances.balance_date,
        balances.balance
    from {{ ref('int_account_balance__collected') }} as balances
    semi join watched_accounts
        on
            balances.legal_entity_code = watched_accounts.legal_entity_code
            and balances.account_id = watched_accounts.account_id
    where balances.business_date <= {{ business_date() }} and balances.balance_date <= {{ business_date() }}
),

balances as (
    select * from delivered_balances
    union all
    -- For a bank without a balance table: the balance after the last posting of each day.
    select
        account_days.legal_entity_code,
        account_days.account_id,
        account_days.posting_date as balance_date,
        account_days.closing_balance as balance
    from {{ ref('int_account_day__aggregated') }} as account_days
    semi join watched_accounts
        on
            account_days.legal_entity_code = watched_accounts.legal_entity_code
            and account_days.account_id = watched_accounts.account_id
    anti join delivered_balances
        on
            account_days.legal_entity_code = delivered_balances.legal_entity_code
            and account_days.account_id = delivered_balances.account_id
    where
        account_days.business_date <= {{ business_date() }}
        and account_days.posting_date <= {{ business_date() }}
        and account_days.closing_balance is not null
),

account_growth as (
    select
        enrolled.legal_entity_code,
        enrolled.list_code,
        enrolled.batch_id,
        enrolled.customer_id,
        coalesce(max_by(balances.balance, balances.balance_date), 0)
        - coalesce(
            max_by(balances.balance, balances.balance_date) filter (
                where balances.balance_date < enrolled.window_start_date
            ), 0
        ) as growth
    from enrolled
    inner join watched_accounts
        on
            enrolled.legal_entity_code = watched_accounts.legal_entity_code
            and enrolled.customer_id = watched_accounts.customer_id
    inner join balances
        on
            watched_accounts.legal_entity_code = balances.legal_entity_code
            and watched_accounts.account_id = balances.account_id
            and enrolled.window_end_date >= balances.balance_date
    where enrolled.outcome = 'deposit_grown'
    group by
        enrolled.legal_entity_code, enrolled.list_code, enrolled.batch_id, enrolled.customer_id,
        watched_accounts.account_id
),

grown as (
    select
        legal_entity_code,
        list_code,
        batch_id,
        customer_id,
        sum(growth) as growth
    from account_growth
    group by legal_entity_code, list_code, batch_id, customer_id
)

select
    enrolled.*,
    case enrolled.outcome
        when 'deposit_grown' then coalesce(grown.growth >= {{ var('list_deposit_growth') }}, false)
        else reached.customer_id is not null
    end as is_reached,
    case
        when enrolled.outcome <> 'deposit_grown' then reached.outcome_date
        when grown.growth >= {{ var('list_deposit_growth') }}
            then least(enrolled.window_end_date, {{ business_date() }})
    end as outcome_date,
    cast(
        coalesce(if(enrolled.outcome = 'deposit_grown', grown.growth, reached.outcome_amount), 0) as decimal(18, 2)
    ) as outcome_amount
from enrolled
left join reached
    on
        enrolled.legal_entity_code = reached.legal_entity_code
        and enrolled.list_code = reached.list_code
        and enrolled.batch_id = reached.batch_id
        and enrolled.customer_id = reached.customer_id
left join grown
    on
        enrolled.legal_entity_code = grown.legal_entity_code
        and enrolled.list_code = grown.list_code
        and enrolled.batch_id = grown.batch_id
        and enrolled.customer_id = grown.customer_id
