{#- An expiry date is the first day without; a maturity date is the day on which the money is due. Both become the
    last day on which something can be done. -#}
with

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
    where is_in_force
),

loans as (
    select * from {{ ref('int_loan__assessed') }}
    where outstanding > 0 and not is_overdue
),

whitelist as (
    select
        *,
        {{ whitelist_record_key() }} as record_key
    from {{ ref('stg_credit__whitelist') }}
    where {{ in_force('granted_date', 'expiry_date') }}
),

accounts as (
    select * from {{ ref('int_account__balanced') }}
    where is_open and balance > 0 and account_type in ('fixed', 'wealth')
),

authorisations as (
    select
        authorisations.*,
        least(authorisations.expiry_date, authorisations.revoked_date) as end_date
    from {{ ref('stg_marketing__authorisation') }} as authorisations
    where
        authorisations.purpose = 'marketing'
        and {{ basis_holds('authorisations') }}
        and {{ in_force('authorisations.granted_date', 'end_date') }}
),

identities as (
    select * from {{ ref('int_customer__identity') }}
),

ending as (
    select
        legal_entity_code,
        customer_id,
        'credit_line' as expiry_kind,
        expiry_date - 1 as last_date,
        limit_amount as amount
    from credit_lines
    union all
    select
        legal_entity_code,
        customer_id,
        'loan' as expiry_kind,
        maturity_date as last_date,
        outstanding as amount
    from loans
    union all
    select
        whitelist.legal_entity_code,
        identities.customer_id,
        'whitelist' as expiry_kind,
        whitelist.expiry_date - 1 as last_date,
        whitelist.limit_amount as amount
    from whitelist
    inner join identities
        on
            whitelist.legal_entity_code = identities.legal_entity_code
            and whitelist.record_key = identities.source_key
            and identities.source_table = 'credit.whitelist'
    union all
    select
        legal_entity_code,
        customer_id,
        case account_type when 'fixed' then 'fixed_deposit' else 'wealth' end as expiry_kind,
        maturity_date as last_date,
        balance as amount
    from accounts
    union all
    select
        authorisations.legal_entity_code,
        identities.customer_id,
        'authorisation' as expiry_kind,
        authorisations.end_date - 1 as last_date,
        cast(0 as decimal(18, 2)) as amount
    from authorisations
    inner join identities
        on
            authorisations.legal_entity_code = identities.legal_entity_code
            and authorisations.customer_id = identities.source_key
            and identities.source_table = 'core.customer'
)

select
    legal_entity_code,
    customer_id,
    expiry_kind,
    last_date,
    last_date - {{ business_date() }} as days_left,
    count(*) as items,
    cast(sum(amount) as decimal(18, 2)) as amount
from ending
where last_date >= {{ business_date() }} and last_date <= {{ business_date() }} + {{ var('expiry_calendar_days') }}
group by legal_entity_code, customer_id, expiry_kind, last_date
