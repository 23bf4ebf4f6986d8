with

customers as (
    select * from {{ ref('int_customer__resolved') }}
    where customer_type = 'person'
),

employees as (
    select *
    from {{ ref('stg_external__employer_list') }} as employees
    where {{ basis_holds('employees') }}
),

housing_fund as (
    select *
    from {{ ref('stg_external__housing_fund') }} as housing_fund
    where {{ basis_holds('housing_fund') }} and housing_fund.fund_month <= {{ business_date() }}
),

contributions as (
    select * from {{ ref('stg_social_security__contribution') }}
    where contribution_month <= {{ business_date() }}
),

registry as (
    select *
    from {{ ref('stg_external__business_registry') }} as registry
    where {{ basis_holds('registry') }}
),

signups as (
    select * from {{ ref('stg_core__product_signup') }}
    where {{ in_force('signup_date', 'cancel_date') }}
),

products as (
    select * from {{ ref('stg_master__product') }}
),

core_customers as (
    select * from {{ ref('stg_core__customer') }}
),

listed as (
    select
        legal_entity_code,
        id_number_key,
        min_by(employer_credit_code, (admission_class, employer_credit_code)) as employer_credit_code
    from employees
    group by legal_entity_code, id_number_key
),

insured as (
    select
        legal_entity_code,
        id_number_key,
        max_by(employer_credit_code, contribution_month) as employer_credit_code
    from contributions
    group by legal_entity_code, id_number_key
),

funded as (
    select
        legal_entity_code,
        id_number_key,
        max_by(employer_credit_code, fund_month) as employer_credit_code
    from housing_fund
    group by legal_entity_code, id_number_key
),

employers as (
    select
        legal_entity_code,
        employer_credit_code,
        min(admission_class) as admission_class,
        min_by(employer_category, admission_class) as employer_category
    from employees
    group by legal_entity_code, employer_credit_code
),

payroll_employers as (
    select distinct
        core_customers.legal_entity_code,
        core_customers.credit_code
    from signups
    inner join products
        on
            signups.legal_entity_code = products.legal_entity_code
            and signups.product_code = products.product_code
    inner join core_customers
        on
            signups.legal_entity_code = core_customers.legal_entity_code
            and signups.customer_id = core_customers.customer_id
    where products.category = 'payroll' and core_customers.credit_code is not null
),

employed as (
    select
        customers.legal_entity_code,
        customers.customer_id,
        coalesce(
            listed.employer_credit_code,
            insured.employer_credit_code,
            funded.employer_credit_code,
            customers.employer_credit_code
        ) as employer_credit_code
    from customers
    left join listed
        on
            customers.legal_entity_code = listed.legal_entity_code
            and customers.id_number_key = listed.id_number_key
    left join insured
        on
            customers.legal_entity_code = insured.legal_entity_code
            and customers.id_number_key = insured.id_number_key
    left join funded
        on
            customers.legal_entity_code = funded.legal_entity_code
            and customers.id_number_key = funded.id_number_key
)

select
    employed.legal_entity_code,
    employed.customer_id,
    employed.employer_credit_code,
    employers.admission_class,
    employers.employer_category,
    registry.village_code as employer_village_code,
    payroll_employers.credit_code is not null as employer_has_payroll
from employed
left join employers
    on
        employed.legal_entity_code = employers.legal_entity_code
        and employed.employer_credit_code = employers.employer_credit_code
left join registry
    on
        employed.legal_entity_code = registry.legal_entity_code
        and employed.employer_credit_code = registry.credit_code
left join payroll_employers
    on
        employed.legal_entity_code = payroll_employers.legal_entity_code
        and employed.employer_credit_code = payroll_employers.credit_code
where employed.employer_credit_code is not null
