with

-- On the business date the open memberships are exactly what the rules say, so the columns come from the rules
-- themselves; the data test the_wide_row_says_what_the_history_says holds the two together.
features as (
    select
        {% for tag in var('tags') -%}
        coalesce({{ tag["when"] }}, false) as tag_{{ tag["code"] }},
        {% endfor -%}
        *
    from {{ ref('int_customer__features') }}
),

memberships as (
    select * from {{ ref('fct_customer_tag') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

tagged as (
    select
        legal_entity_code,
        customer_id,
        string_agg(tag_name, '、' order by tag_family, tag_code) as tag_names
    from memberships
    group by legal_entity_code, customer_id
)

select
    features.legal_entity_code,
    features.business_date,
    features.customer_id,
    features.core_customer_id,
    features.customer_type,
    features.is_bank_customer,
    features.name_masked,
    features.phone_masked,
    features.id_number_masked,
    features.gender,
    features.birth_date,
    features.age,
    features.is_minor,
    features.is_staff,
    features.is_deceased,
    features.risk_list,
    features.open_date,
    features.branch_code,
    branches.branch_name,
    features.manager_id,
    managers.manager_name,
    features.grid_manager_id,
    features.village_code,
    features.village_name,
    features.town_code,
    features.town_name,
    features.market_type,
    features.work_village_code,
    features.primary_grid_id,
    features.primary_grid_name,
    features.virtual_grid_names,
    features.segment_code,
    features.segment_name,
    features.industry_code,
    features.industry_name,
    features.industry_section_code,
    features.business_class,
    features.special_industry_code,
    features.special_industry_name,
    features.association_code,
    features.association_name,
    features.admission_class,
    features.employer_category,
    features.entity_type,
    features.employer_credit_code,
    features.employer_has_payroll,
    features.registered_date,
    features.deposit_balance,
    features.settlement_balance,
    features.pure_balance,
    features.margin_balance,
    features.savings_balance,
    features.wealth_balance,
    features.aum,
    features.deposit_balance_previous_day,
    features.deposit_class_main,
    features.fixed_maturity_date,
    features.wealth_maturity_date,
    features.account_count,
    features.product_count,
    features.has_mobile_bank,
    features.has_payroll,
    features.has_mortgage,
    features.has_credit_card,
    features.has_wealth,
    features.has_basic_account,
    features.has_ebank,
    features.has_tax_payment,
    features.has_utility_payment,
    features.has_insurance,
    features.has_bill_discount,
    features.has_international_settlement,
    features.has_cash_management,
    features.last_posting_date,
    features.last_salary_date,
    features.inflow_90d,
    features.outflow_90d,
    features.other_bank_outflow_90d,
    features.qr_spending_90d,
    features.salary_months_6m,
    features.salary_amount_6m,
    features.online_lender_repayment_90d,
    features.posting_count_90d,
    features.mobile_posting_count_90d,
    features.channel_posting_count_90d,
    features.main_channel_posting_count_90d,
    features.main_channel,
    features.wealth_purchase_90d,
    features.bill_received_30d,
    features.foreign_exchange_30d,
    features.merchant_id,
    features.merchant_signed_date,
    features.merchant_amount_90d,
    features.merchant_count_90d,
    features.merchant_distance_km,
    features.market_code,
    features.has_pos,
    features.card_status,
    features.card_last_used_date,
    features.pension_months_6m,
    features.subsidy_months_6m,
    features.is_filed,
    features.household_id,
    features.is_evaluated,
    features.evaluation,
    features.evaluated_date,
    features.is_whitelisted,
    features.whitelist_limit,
    features.whitelist_expiry,
    features.whitelisted_date,
    features.is_credited,
    features.credit_limit,
    features.credit_signed_date,
    features.credit_expiry,
    features.credit_channel,
    features.credit_product_code,
    features.is_drawn,
    features.first_draw_date,
    features.draw_count,
    features.outstanding,
    features.loan_maturity_date,
    features.is_overdue,
    features.worst_five_class,
    features.is_settled_good,
    features.settled_date,
    features.has_application,
    features.pending_application_date,
    features.rejected_date,
    features.is_guarantor,
    features.guarantees_good_borrower,
    features.is_legal_person,
    features.is_borrower_household,
    features.is_key_person,
    array_to_string(features.opted_out_channels, ',') as opted_out_channels,
    array_to_string(features.authorised_channels, ',') as authorised_channels,
    features.is_marketing_authorised,
    features.is_behaviour_authorised,
    features.last_contacted_date,
    features.last_interested_date,
    features.last_refused_date,
    features.last_need_found_date,
    {% for tag in var('tags') -%}
    features.tag_{{ tag["code"] }},
    {% endfor -%}
    coalesce(tagged.tag_names, '') as tag_names
from features
left join tagged
    on
        features.legal_entity_code = tagged.legal_entity_code
        and features.customer_id = tagged.customer_id
left join branches
    on
        features.legal_entity_code = branches.legal_entity_code
        and features.branch_code = branches.branch_code
left join managers
    on
        features.legal_entity_code = managers.legal_entity_code
        and features.manager_id = managers.manager_id
