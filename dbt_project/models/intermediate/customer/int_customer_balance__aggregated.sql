with

accounts as (
    select * from {{ ref('int_account__balanced') }}
),

aggregated as (
    select
        legal_entity_code,
        customer_id,
        coalesce(sum(balance) filter (where is_deposit), 0) as deposit_balance,
        coalesce(sum(balance) filter (where is_deposit and deposit_class = 'settlement'), 0) as settlement_balance,
        coalesce(sum(balance) filter (where is_deposit and deposit_class = 'pure'), 0) as pure_balance,
        coalesce(sum(balance) filter (where is_deposit and deposit_class = 'margin'), 0) as margin_balance,
        coalesce(sum(balance) filter (where is_deposit and deposit_class = 'savings'), 0) as savings_balance,
        coalesce(sum(balance) filter (where account_type = 'wealth'), 0) as wealth_balance,
        coalesce(sum(balance_previous_day) filter (where is_deposit), 0) as deposit_balance_previous_day,
        min(maturity_date) filter (
            where is_open and account_type in ('fixed', 'notice') and balance > 0
            and maturity_date >= {{ business_date() }}
        ) as fixed_maturity_date,
        min(maturity_date) filter (
            where is_open and account_type = 'wealth' and balance > 0 and maturity_date >= {{ business_date() }}
        ) as wealth_maturity_date,
        count(*) filter (where is_open and is_deposit) as account_count,
        coalesce(bool_or(is_open and is_basic_account), false) as has_basic_account,
        coalesce(bool_or(is_open and account_type = 'credit_card'), false) as has_credit_card_account
    from accounts
    group by legal_entity_code, customer_id
)

select
    *,
    deposit_balance + wealth_balance as aum,
    case greatest(settlement_balance, pure_balance, margin_balance, savings_balance, 0)
        when 0 then null
        when settlement_balance then 'settlement'
        when pure_balance then 'pure'
        when margin_balance then 'margin'
        else 'savings'
    end as deposit_class_main
from aggregated
