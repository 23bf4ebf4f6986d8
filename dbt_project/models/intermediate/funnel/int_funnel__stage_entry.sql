with

identities as (
    select * from {{ ref('int_customer__identity') }}
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

loans as (
    select
        *,
        row_number() over (
            partition by legal_entity_code, customer_id
            order by disbursed_date, loan_id
        ) as draw_number
    from {{ ref('int_loan__assessed') }}
),

applications as (
    select * from {{ ref('int_application__staged') }}
    where customer_id is not null
),

delivered_overdue as (
    select
        legal_entity_code,
        loan_id,
        min(business_date) as overdue_date
    from {{ ref('stg_credit__loan_version') }}
    where status in ('overdue', 'written_off') and not is_deleted
    group by legal_entity_code, loan_id
),

-- Sources give the status, not the day it began: the day after maturity, or the first delivery that says so. A loan
-- that has been paid since stays in the funnel as overdue; its entry does not move with later deliveries.
overdue_loans as (
    select
        loans.legal_entity_code,
        loans.customer_id,
        loans.channel,
        loans.product_code,
        nullif(loans.outstanding, 0) as amount,
        least(
            case
                when loans.is_overdue or loans.settled_date > loans.maturity_date + 1 then loans.maturity_date + 1
            end,
            delivered_overdue.overdue_date
        ) as overdue_date
    from loans
    left join delivered_overdue
        on
            loans.legal_entity_code = delivered_overdue.legal_entity_code
            and loans.loan_id = delivered_overdue.loan_id
),

-- Events of records that the identity model knows by table and key.
recorded as (
    select
        legal_entity_code,
        'core.customer' as source_table,
        customer_id as source_key,
        'acquired' as stage_code,
        open_date as event_date,
        cast(null as decimal(18, 2)) as amount
    from {{ ref('stg_core__customer') }}
    union all
    select
        legal_entity_code,
        'social_security.card_holder' as source_table,
        card_number_key as source_key,
        'acquired' as stage_code,
        issue_date as event_date,
        cast(null as decimal(18, 2)) as amount
    from {{ ref('stg_social_security__card_holder') }}
    where issuing_bank = 'own'
    union all
    select
        legal_entity_code,
        'credit.village_roster' as source_table,
        {{ roster_record_key() }} as source_key,
        'filed' as stage_code,
        filed_date as event_date,
        cast(null as decimal(18, 2)) as amount
    from {{ ref('stg_credit__village_roster') }}
    union all
    select
        legal_entity_code,
        'credit.village_roster' as source_table,
        {{ roster_record_key() }} as source_key,
        'evaluated' as stage_code,
        evaluated_date as event_date,
        cast(null as decimal(18, 2)) as amount
    from {{ ref('stg_credit__village_roster') }}
    union all
    select
        legal_entity_code,
        'credit.whitelist' as source_table,
        {{ whitelist_record_key() }} as source_key,
        'whitelisted' as stage_code,
        granted_date as event_date,
        limit_amount as amount
    from {{ ref('stg_credit__whitelist') }}
),

entries as (
    select
        legal_entity_code,
        customer_id,
        'reached' as stage_code,
        cast(touched_at as date) as event_date,
        channel,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as product_code,
        list_code
    from {{ ref('int_funnel__touch') }}
    where is_reached
    union all
    select
        recorded.legal_entity_code,
        identities.customer_id,
        recorded.stage_code,
        recorded.event_date,
        'offline' as channel,
        recorded.amount,
        cast(null as varchar) as product_code,
        cast(null as varchar) as list_code
    from recorded
    inner join identities
        on
            recorded.legal_entity_code = identities.legal_entity_code
            and recorded.source_table = identities.source_table
            and recorded.source_key = identities.source_key
    union all
    -- 受理 makes it an application; what 营销 rests on is a touch, and money that is paid out (拨付) a loan.
    select
        legal_entity_code,
        customer_id,
        case stage_code when 'accepted' then 'applied' else stage_code end as stage_code,
        cast(entered_at as date) as event_date,
        channel,
        application_amount as amount,
        product_code,
        list_code
    from applications
    where stage_code not in ('marketing', 'disbursed')
    union all
    select
        legal_entity_code,
        customer_id,
        'approved' as stage_code,
        approved_date as event_date,
        channel,
        limit_amount as amount,
        product_code,
        cast(null as varchar) as list_code
    from credit_lines
    union all
    select
        legal_entity_code,
        customer_id,
        'signed' as stage_code,
        signed_date as event_date,
        channel,
        limit_amount as amount,
        product_code,
        cast(null as varchar) as list_code
    from credit_lines
    union all
    select
        legal_entity_code,
        customer_id,
        case draw_number when 1 then 'first_draw' else 'repeat_draw' end as stage_code,
        disbursed_date as event_date,
        coalesce(channel, 'offline') as channel,
        loan_amount as amount,
        product_code,
        cast(null as varchar) as list_code
    from loans
    where draw_number <= 2
    union all
    select
        legal_entity_code,
        customer_id,
        'effective_draw' as stage_code,
        effective_date as event_date,
        channel,
        balance as amount,
        product_code,
        cast(null as varchar) as list_code
    from {{ ref('int_funnel__effective_draw') }}
    union all
    select
        legal_entity_code,
        customer_id,
        'settled' as stage_code,
        settled_date as event_date,
        coalesce(channel, 'offline') as channel,
        loan_amount as amount,
        product_code,
        cast(null as varchar) as list_code
    from loans
    where is_settled
    union all
    select
        legal_entity_code,
        customer_id,
        'overdue' as stage_code,
        overdue_date as event_date,
        coalesce(channel, 'offline') as channel,
        amount,
        product_code,
        cast(null as varchar) as list_code
    from overdue_loans
)

select
    legal_entity_code,
    customer_id,
    stage_code,
    event_date,
    channel,
    amount,
    product_code,
    list_code
from entries
where event_date <= {{ business_date() }}
-- A stage is entered once; of the same day the row that knows the list, then the larger amount.
qualify row_number() over (
    partition by legal_entity_code, customer_id, stage_code
    order by event_date asc, list_code asc nulls last, amount desc nulls last, product_code asc, channel asc
) = 1
