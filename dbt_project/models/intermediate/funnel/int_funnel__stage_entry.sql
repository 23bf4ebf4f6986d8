with

identities as (
    select * from {{ ref('int_customer__identity') }}
),

people as (
    select * from {{ ref('int_customer__resolved') }}
    where id_number_key is not null
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

loans as (
    select
        assessed.*,
        delivered.business_date as delivered_date,
        row_number() over (
            partition by assessed.legal_entity_code, assessed.customer_id
            order by assessed.disbursed_date, assessed.loan_id
        ) as draw_number
    from {{ ref('int_loan__assessed') }} as assessed
    inner join {{ ref('stg_credit__loan') }} as delivered
        on
            assessed.legal_entity_code = delivered.legal_entity_code
            and assessed.loan_id = delivered.loan_id
),

applications as (
    select * from {{ ref('stg_credit__application_event') }}
    where stage in ('accepted', 'investigated', 'analysed', 'approved')
),

-- Events of records that the identity model knows by table and key.
recorded as (
    select
        legal_entity_code,
        'core.customer' as source_table,
        customer_id as source_key,
        'reached' as stage_code,
        cast(contacted_at as date) as event_date,
        case when channel in ('sms', 'wechat') then 'online' else 'offline' end as channel,
        cast(null as decimal(18, 2)) as amount,
        list_code
    from {{ ref('stg_marketing__contact_outcome') }}
    where outcome <> 'not_reached'
    union all
    select
        legal_entity_code,
        'core.customer' as source_table,
        customer_id as source_key,
        'reached' as stage_code,
        cast(visited_at as date) as event_date,
        'offline' as channel,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as list_code
    from {{ ref('stg_marketing__visit') }}
    union all
    select
        legal_entity_code,
        'core.customer' as source_table,
        customer_id as source_key,
        'acquired' as stage_code,
        open_date as event_date,
        'offline' as channel,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as list_code
    from {{ ref('stg_core__customer') }}
    union all
    select
        legal_entity_code,
        'social_security.card_holder' as source_table,
        card_number_key as source_key,
        'acquired' as stage_code,
        issue_date as event_date,
        'offline' as channel,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as list_code
    from {{ ref('stg_social_security__card_holder') }}
    where issuing_bank = 'own'
    union all
    select
        legal_entity_code,
        'credit.village_roster' as source_table,
        {{ roster_record_key() }} as source_key,
        'filed' as stage_code,
        filed_date as event_date,
        'offline' as channel,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as list_code
    from {{ ref('stg_credit__village_roster') }}
    union all
    select
        legal_entity_code,
        'credit.village_roster' as source_table,
        {{ roster_record_key() }} as source_key,
        'evaluated' as stage_code,
        evaluated_date as event_date,
        'offline' as channel,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as list_code
    from {{ ref('stg_credit__village_roster') }}
    union all
    select
        legal_entity_code,
        'credit.whitelist' as source_table,
        {{ whitelist_record_key() }} as source_key,
        'whitelisted' as stage_code,
        granted_date as event_date,
        'offline' as channel,
        limit_amount as amount,
        cast(null as varchar) as list_code
    from {{ ref('stg_credit__whitelist') }}
),

entries as (
    select
        recorded.legal_entity_code,
        identities.customer_id,
        recorded.stage_code,
        recorded.event_date,
        recorded.channel,
        recorded.amount,
        cast(null as varchar) as product_code,
        recorded.list_code
    from recorded
    inner join identities
        on
            recorded.legal_entity_code = identities.legal_entity_code
            and recorded.source_table = identities.source_table
            and recorded.source_key = identities.source_key
    union all
    -- An applicant who is not yet a customer is known by ID number.
    select
        applications.legal_entity_code,
        coalesce(identities.customer_id, people.customer_id) as customer_id,
        case applications.stage when 'accepted' then 'applied' else applications.stage end as stage_code,
        cast(applications.event_time as date) as event_date,
        applications.channel,
        applications.application_amount as amount,
        applications.product_code,
        applications.list_code
    from applications
    left join identities
        on
            applications.legal_entity_code = identities.legal_entity_code
            and identities.source_table = 'core.customer'
            and applications.customer_id = identities.source_key
    left join people
        on
            applications.legal_entity_code = people.legal_entity_code
            and applications.id_number_key = people.id_number_key
    where coalesce(identities.customer_id, people.customer_id) is not null
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
    -- Sources give the status, not the day it began: the day after maturity, else the day it was delivered.
    select
        legal_entity_code,
        customer_id,
        'overdue' as stage_code,
        case when status = 'normal' then maturity_date + 1 else least(maturity_date + 1, delivered_date) end
            as event_date,
        coalesce(channel, 'offline') as channel,
        outstanding as amount,
        product_code,
        cast(null as varchar) as list_code
    from loans
    where is_overdue
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
