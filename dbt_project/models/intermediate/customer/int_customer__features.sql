with

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

balances as (
    select * from {{ ref('int_customer_balance__aggregated') }}
),

behaviour as (
    select * from {{ ref('int_customer_behaviour__aggregated') }}
),

products as (
    select * from {{ ref('int_customer_product__counted') }}
),

merchants as (
    select * from {{ ref('int_customer_merchant__aggregated') }}
),

cards as (
    select * from {{ ref('int_customer_card__held') }}
),

roster as (
    select * from {{ ref('int_customer_roster__evaluated') }}
),

credit as (
    select * from {{ ref('int_customer_credit__aggregated') }}
),

businesses as (
    select * from {{ ref('int_customer_business__linked') }}
),

employers as (
    select * from {{ ref('int_customer_employer__linked') }}
),

relations as (
    select * from {{ ref('int_customer_relation__flagged') }}
),

contact as (
    select * from {{ ref('int_customer_contact__permitted') }}
),

places as (
    select * from {{ ref('int_customer_place__located') }}
),

virtual_grids as (
    select * from {{ ref('int_customer_virtual_grid__listed') }}
),

trades as (
    select * from {{ ref('int_customer_trade__classified') }}
)

select
    customers.legal_entity_code,
    {{ business_date() }} as business_date,
    customers.customer_id,
    customers.core_customer_id,
    customers.customer_type,
    customers.is_bank_customer,
    customers.name_masked,
    customers.name_key,
    customers.phone_masked,
    customers.phone_key,
    customers.id_number_masked,
    customers.id_number_key,
    customers.gender,
    customers.birth_date,
    customers.age,
    coalesce(customers.age < 18, false) as is_minor,
    customers.is_staff,
    customers.is_deceased,
    customers.risk_list,
    customers.open_date,
    coalesce(customers.branch_code, places.grid_branch_code) as branch_code,
    customers.manager_id,
    places.grid_manager_id,
    customers.village_code,
    places.village_name,
    places.town_code,
    places.town_name,
    places.market_type,
    coalesce(employers.employer_village_code, businesses.business_village_code, merchants.merchant_village_code)
        as work_village_code,
    places.primary_grid_id,
    places.primary_grid_name,
    virtual_grids.virtual_grid_names,
    trades.segment_code,
    trades.segment_name,
    trades.industry_code,
    trades.industry_name,
    trades.industry_section_code,
    trades.business_class,
    trades.special_industry_code,
    trades.special_industry_name,
    trades.association_code,
    trades.association_name,
    employers.admission_class,
    employers.employer_category,
    roster.entity_type,
    employers.employer_credit_code,
    coalesce(employers.employer_has_payroll, false) as employer_has_payroll,
    businesses.registered_date,
    cast(coalesce(balances.deposit_balance, 0) as decimal(18, 2)) as deposit_balance,
    cast(coalesce(balances.settlement_balance, 0) as decimal(18, 2)) as settlement_balance,
    cast(coalesce(balances.pure_balance, 0) as decimal(18, 2)) as pure_balance,
    cast(coalesce(balances.margin_balance, 0) as decimal(18, 2)) as margin_balance,
    cast(coalesce(balances.savings_balance, 0) as decimal(18, 2)) as savings_balance,
    cast(coalesce(balances.wealth_balance, 0) as decimal(18, 2)) as wealth_balance,
    cast(coalesce(balances.aum, 0) as decimal(18, 2)) as aum,
    cast(coalesce(balances.deposit_balance_previous_day, 0) as decimal(18, 2)) as deposit_balance_previous_day,
    balances.deposit_class_main,
    balances.fixed_maturity_date,
    balances.wealth_maturity_date,
    cast(coalesce(balances.account_count, 0) as integer) as account_count,
    cast(coalesce(products.product_count, 0) as integer) as product_count,
    coalesce(products.has_mobile_bank, false) as has_mobile_bank,
    coalesce(products.has_payroll, false) as has_payroll,
    coalesce(credit.has_mortgage, false) as has_mortgage,
    coalesce(products.has_credit_card_product or balances.has_credit_card_account, false) as has_credit_card,
    coalesce(balances.wealth_balance > 0, false) or coalesce(products.has_wealth_signup, false) as has_wealth,
    coalesce(balances.has_basic_account, false) as has_basic_account,
    coalesce(products.has_ebank, false) as has_ebank,
    coalesce(products.has_tax_payment, false) as has_tax_payment,
    coalesce(products.has_utility_payment, false) as has_utility_payment,
    coalesce(products.has_insurance, false) as has_insurance,
    coalesce(products.has_bill_discount, false) as has_bill_discount,
    coalesce(products.has_international_settlement, false) as has_international_settlement,
    coalesce(products.has_cash_management, false) as has_cash_management,
    behaviour.last_posting_date,
    behaviour.last_salary_date,
    cast(coalesce(behaviour.inflow_90d, 0) as decimal(18, 2)) as inflow_90d,
    cast(coalesce(behaviour.outflow_90d, 0) as decimal(18, 2)) as outflow_90d,
    cast(coalesce(behaviour.other_bank_outflow_90d, 0) as decimal(18, 2)) as other_bank_outflow_90d,
    cast(coalesce(behaviour.qr_spending_90d, 0) as decimal(18, 2)) as qr_spending_90d,
    cast(coalesce(behaviour.salary_months_6m, 0) as integer) as salary_months_6m,
    cast(coalesce(behaviour.salary_amount_6m, 0) as decimal(18, 2)) as salary_amount_6m,
    -- PIPL: nothing is derived from repayments to other lenders without recorded authorisation
    cast(
        if(coalesce(contact.is_behaviour_authorised, false), coalesce(behaviour.online_lender_repayment_90d, 0), 0)
        as decimal(18, 2)
    ) as online_lender_repayment_90d,
    cast(coalesce(behaviour.posting_count_90d, 0) as integer) as posting_count_90d,
    cast(coalesce(behaviour.mobile_posting_count_90d, 0) as integer) as mobile_posting_count_90d,
    cast(coalesce(behaviour.channel_posting_count_90d, 0) as integer) as channel_posting_count_90d,
    cast(coalesce(behaviour.main_channel_posting_count_90d, 0) as integer) as main_channel_posting_count_90d,
    behaviour.main_channel,
    cast(coalesce(behaviour.wealth_purchase_90d, 0) as decimal(18, 2)) as wealth_purchase_90d,
    cast(coalesce(behaviour.bill_received_30d, 0) as decimal(18, 2)) as bill_received_30d,
    cast(coalesce(behaviour.foreign_exchange_30d, 0) as decimal(18, 2)) as foreign_exchange_30d,
    merchants.merchant_id,
    merchants.merchant_signed_date,
    cast(coalesce(merchants.merchant_amount_90d, 0) as decimal(18, 2)) as merchant_amount_90d,
    coalesce(merchants.merchant_count_90d, 0) as merchant_count_90d,
    merchants.merchant_distance_km,
    merchants.market_code,
    coalesce(merchants.has_pos, false) as has_pos,
    cards.card_status,
    cards.card_last_used_date,
    cast(coalesce(cards.pension_months_6m, 0) as integer) as pension_months_6m,
    cast(coalesce(cards.subsidy_months_6m, 0) as integer) as subsidy_months_6m,
    coalesce(roster.is_filed, false) as is_filed,
    roster.household_id,
    coalesce(roster.is_evaluated, false) as is_evaluated,
    roster.evaluation,
    roster.evaluated_date,
    coalesce(roster.is_whitelisted, false) as is_whitelisted,
    cast(coalesce(roster.whitelist_limit, 0) as decimal(18, 2)) as whitelist_limit,
    roster.whitelist_expiry,
    roster.whitelisted_date,
    coalesce(credit.is_credited, false) as is_credited,
    cast(coalesce(credit.credit_limit, 0) as decimal(18, 2)) as credit_limit,
    credit.credit_signed_date,
    credit.credit_expiry,
    credit.credit_channel,
    credit.credit_product_code,
    coalesce(credit.is_drawn, false) as is_drawn,
    credit.first_draw_date,
    cast(coalesce(credit.draw_count, 0) as integer) as draw_count,
    cast(coalesce(credit.outstanding, 0) as decimal(18, 2)) as outstanding,
    credit.loan_maturity_date,
    coalesce(credit.is_overdue, false) as is_overdue,
    credit.worst_five_class,
    coalesce(credit.is_settled_good, false) as is_settled_good,
    credit.settled_date,
    coalesce(credit.has_application, false) as has_application,
    credit.pending_application_date,
    credit.rejected_date,
    coalesce(relations.is_guarantor, false) as is_guarantor,
    coalesce(relations.guarantees_good_borrower, false) as guarantees_good_borrower,
    coalesce(businesses.is_legal_person, false) as is_legal_person,
    coalesce(relations.is_borrower_household, false) as is_borrower_household,
    coalesce(businesses.is_key_person, false) as is_key_person,
    coalesce(relations.is_upstream_of_core_enterprise, false) as is_upstream_of_core_enterprise,
    coalesce(relations.is_downstream_of_core_enterprise, false) as is_downstream_of_core_enterprise,
    coalesce(relations.is_referrer, false) as is_referrer,
    coalesce(contact.opted_out_channels, []) as opted_out_channels,
    coalesce(contact.authorised_channels, []) as authorised_channels,
    coalesce(contact.is_marketing_authorised, false) as is_marketing_authorised,
    coalesce(contact.is_behaviour_authorised, false) as is_behaviour_authorised,
    contact.last_contacted_date,
    contact.last_interested_date,
    contact.last_refused_date,
    contact.last_need_found_date
from customers
left join balances
    on
        customers.legal_entity_code = balances.legal_entity_code
        and customers.customer_id = balances.customer_id
left join behaviour
    on
        customers.legal_entity_code = behaviour.legal_entity_code
        and customers.customer_id = behaviour.customer_id
left join products
    on
        customers.legal_entity_code = products.legal_entity_code
        and customers.customer_id = products.customer_id
left join merchants
    on
        customers.legal_entity_code = merchants.legal_entity_code
        and customers.customer_id = merchants.customer_id
left join cards
    on
        customers.legal_entity_code = cards.legal_entity_code
        and customers.customer_id = cards.customer_id
left join roster
    on
        customers.legal_entity_code = roster.legal_entity_code
        and customers.customer_id = roster.customer_id
left join credit
    on
        customers.legal_entity_code = credit.legal_entity_code
        and customers.customer_id = credit.customer_id
left join businesses
    on
        customers.legal_entity_code = businesses.legal_entity_code
        and customers.customer_id = businesses.customer_id
left join employers
    on
        customers.legal_entity_code = employers.legal_entity_code
        and customers.customer_id = employers.customer_id
left join relations
    on
        customers.legal_entity_code = relations.legal_entity_code
        and customers.customer_id = relations.customer_id
left join contact
    on
        customers.legal_entity_code = contact.legal_entity_code
        and customers.customer_id = contact.customer_id
left join places
    on
        customers.legal_entity_code = places.legal_entity_code
        and customers.customer_id = places.customer_id
left join virtual_grids
    on
        customers.legal_entity_code = virtual_grids.legal_entity_code
        and customers.customer_id = virtual_grids.customer_id
left join trades
    on
        customers.legal_entity_code = trades.legal_entity_code
        and customers.customer_id = trades.customer_id
