with

own_cards as (
    select * from {{ ref('stg_social_security__card_holder') }}
    where issuing_bank = 'own' and issue_date <= {{ business_date() }}
),

benefits as (
    select * from {{ ref('stg_social_security__benefit_payment') }}
    where benefit_month <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'social_security.card_holder'
),

paid as (
    select
        legal_entity_code,
        id_number_key,
        count(distinct benefit_month) filter (where benefit_type = 'pension') as pension_months_6m,
        count(distinct benefit_month) filter (where benefit_type = 'subsidy') as subsidy_months_6m
    from benefits
    where benefit_month > {{ business_date() }} - interval 6 month
    group by legal_entity_code, id_number_key
),

-- of several cards the active one, then the latest issued
cards as (
    select
        identity.legal_entity_code,
        identity.customer_id,
        own_cards.id_number_key,
        own_cards.status,
        own_cards.last_used_date
    from own_cards
    inner join identity
        on
            own_cards.legal_entity_code = identity.legal_entity_code
            and own_cards.card_number_key = identity.source_key
    qualify row_number() over (
        partition by identity.legal_entity_code, identity.customer_id
        order by own_cards.status = 'active' desc, own_cards.issue_date desc, own_cards.card_number_key asc
    ) = 1
)

select
    cards.legal_entity_code,
    cards.customer_id,
    cards.status as card_status,
    cards.last_used_date as card_last_used_date,
    coalesce(paid.pension_months_6m, 0) as pension_months_6m,
    coalesce(paid.subsidy_months_6m, 0) as subsidy_months_6m
from cards
left join paid
    on
        cards.legal_entity_code = paid.legal_entity_code
        and cards.id_number_key = paid.id_number_key
