with

accounts as (
    select * from {{ ref('int_account__balanced') }}
    where is_open
),

signups as (
    select * from {{ ref('stg_core__product_signup') }}
    where {{ in_force('signup_date', 'cancel_date') }}
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
    where is_in_force
),

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where customer_id is not null and is_open
),

products as (
    select * from {{ ref('stg_master__product') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

holdings as (
    select
        legal_entity_code,
        customer_id,
        product_code,
        false as is_signup
    from accounts
    union all
    select
        signups.legal_entity_code,
        identity.customer_id,
        signups.product_code,
        true as is_signup
    from signups
    inner join identity
        on
            signups.legal_entity_code = identity.legal_entity_code
            and signups.customer_id = identity.source_key
    union all
    select
        legal_entity_code,
        customer_id,
        product_code,
        false as is_signup
    from credit_lines
    union all
    select
        legal_entity_code,
        customer_id,
        'acquiring' as product_code,
        false as is_signup
    from merchants
)

select
    holdings.legal_entity_code,
    holdings.customer_id,
    -- acquiring is one product, whether signed in core or known from the merchant
    count(distinct if(products.category = 'acquiring', 'acquiring', holdings.product_code)) as product_count,
    coalesce(bool_or(products.category = 'channel' and products.product_name like '%手机银行%'), false)
        as has_mobile_bank,
    coalesce(bool_or(holdings.is_signup and products.category = 'payroll'), false) as has_payroll,
    coalesce(bool_or(products.category = 'credit_card'), false) as has_credit_card_product,
    coalesce(bool_or(holdings.is_signup and products.category = 'wealth'), false) as has_wealth_signup,
    coalesce(bool_or(products.category = 'channel' and products.product_name like '%网银%'), false) as has_ebank,
    coalesce(bool_or(products.category = 'payment' and products.product_name like '%税%'), false) as has_tax_payment,
    coalesce(bool_or(products.category = 'payment' and products.product_name like '%水电%'), false)
        as has_utility_payment,
    coalesce(bool_or(products.category = 'insurance'), false) as has_insurance,
    coalesce(bool_or(products.category = 'bill'), false) as has_bill_discount,
    coalesce(bool_or(products.category = 'international'), false) as has_international_settlement,
    coalesce(bool_or(products.category = 'cash_management'), false) as has_cash_management
from holdings
left join products
    on
        holdings.legal_entity_code = products.legal_entity_code
        and holdings.product_code = products.product_code
group by holdings.legal_entity_code, holdings.customer_id
