with

account_days as (
    select * from {{ ref('int_account_day__aggregated') }}
    where business_date <= {{ business_date() }} and posting_date <= {{ business_date() }}
),

accounts as (
    select * from {{ ref('int_account__balanced') }}
),

customer_days as (
    select
        accounts.customer_id,
        account_days.*
    from account_days
    inner join accounts
        on
            account_days.legal_entity_code = accounts.legal_entity_code
            and account_days.account_id = accounts.account_id
),

summed as (
    select
        legal_entity_code,
        customer_id,
        max(posting_date) filter (where active_posting_count > 0) as last_posting_date,
        max(posting_date) filter (where salary > 0) as last_salary_date,
        coalesce(sum(inflow) filter (where {{ within_days('posting_date', 90) }}), 0) as inflow_90d,
        coalesce(sum(outflow) filter (where {{ within_days('posting_date', 90) }}), 0) as outflow_90d,
        coalesce(sum(other_bank_outflow) filter (where {{ within_days('posting_date', 90) }}), 0)
            as other_bank_outflow_90d,
        coalesce(sum(qr_spending) filter (where {{ within_days('posting_date', 90) }}), 0) as qr_spending_90d,
        count(distinct date_trunc('month', posting_date)) filter (
            where salary > 0 and posting_date > {{ business_date() }} - interval 6 month
        ) as salary_months_6m,
        coalesce(sum(salary) filter (where posting_date > {{ business_date() }} - interval 6 month), 0)
            as salary_amount_6m,
        coalesce(sum(online_lender_repayment) filter (where {{ within_days('posting_date', 90) }}), 0)
            as online_lender_repayment_90d,
        coalesce(sum(wealth_purchase) filter (where {{ within_days('posting_date', 90) }}), 0) as wealth_purchase_90d,
        coalesce(sum(active_posting_count) filter (where {{ within_days('posting_date', 90) }}), 0)
            as posting_count_90d,
        coalesce(sum(mobile_posting_count) filter (where {{ within_days('posting_date', 90) }}), 0)
            as mobile_posting_count_90d,
        coalesce(sum(counter_posting_count) filter (where {{ within_days('posting_date', 90) }}), 0)
            as counter_posting_count_90d,
        coalesce(sum(online_posting_count) filter (where {{ within_days('posting_date', 90) }}), 0)
            as online_posting_count_90d,
        coalesce(sum(atm_posting_count) filter (where {{ within_days('posting_date', 90) }}), 0)
            as atm_posting_count_90d,
        coalesce(sum(bill_received) filter (where {{ within_days('posting_date', 30) }}), 0) as bill_received_30d,
        coalesce(sum(foreign_exchange) filter (where {{ within_days('posting_date', 30) }}), 0)
            as foreign_exchange_30d
    from customer_days
    group by legal_entity_code, customer_id
)

-- The four channels in which a customer does banking. Batch postings are the bank's own doing, and QR and card
-- payments say how somebody pays in a shop.
select
    *,
    mobile_posting_count_90d + counter_posting_count_90d + online_posting_count_90d + atm_posting_count_90d
        as channel_posting_count_90d,
    greatest(mobile_posting_count_90d, counter_posting_count_90d, online_posting_count_90d, atm_posting_count_90d)
        as main_channel_posting_count_90d,
    case main_channel_posting_count_90d
        when 0 then null
        when mobile_posting_count_90d then 'mobile'
        when online_posting_count_90d then 'online'
        when atm_posting_count_90d then 'atm'
        else 'counter'
    end as main_channel
from summed
