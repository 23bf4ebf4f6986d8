with

members as (
    select * from {{ ref('int_household__member') }}
),

registry as (
    select *
    from {{ ref('stg_external__business_registry') }} as registry
    where
        {{ basis_holds('registry') }}
        and registry.status = 'active'
        and registry.registered_date <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
),

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where is_open
),

landed_merchants as (
    select * from {{ ref('stg_acquiring__merchant') }}
    where legal_person_id_number_is_valid
),

guarantees as (
    select * from {{ ref('stg_credit__guarantee') }}
    where {{ in_force('start_date', 'end_date') }}
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

employees as (
    select * from {{ ref('int_customer_employer__linked') }}
    where employer_has_payroll
),

behaviour as (
    select * from {{ ref('int_customer_behaviour__aggregated') }}
),

trade_pairs as (
    select * from {{ ref('int_relation__trade_pair') }}
    where is_regular
),

applications as (
    select * from {{ ref('stg_credit__application_event') }}
    where referrer_customer_id is not null and cast(event_time as date) <= {{ business_date() }}
),

-- pairs grow with the square of the members: an entry of a whole hamlet is no household
households as (
    select
        legal_entity_code,
        household_id
    from members
    group by legal_entity_code, household_id
    having count(*) between 2 and {{ var('household_members_most') }}
),

of_household as (
    select
        one.legal_entity_code,
        one.customer_id as from_customer_id,
        other.customer_id as to_customer_id,
        'household' as relation_type,
        one.relation_to_head as from_role,
        other.relation_to_head as to_role,
        greatest(one.filed_date, other.filed_date) as since,
        cast(null as decimal(18, 2)) as amount,
        cast(null as bigint) as occurrences,
        to_json(struct_pack(household_id := one.household_id)) as evidence
    from members as one
    inner join households
        on
            one.legal_entity_code = households.legal_entity_code
            and one.household_id = households.household_id
    inner join members as other
        on
            one.legal_entity_code = other.legal_entity_code
            and one.household_id = other.household_id
            and one.customer_id < other.customer_id
),

of_legal_person as (
    select
        registry.legal_entity_code,
        persons.customer_id as from_customer_id,
        enterprises.customer_id as to_customer_id,
        'legal_person' as relation_type,
        'legal_person' as from_role,
        'represented_enterprise' as to_role,
        registry.registered_date as since,
        cast(registry.registered_capital as decimal(18, 2)) as amount,
        cast(null as bigint) as occurrences,
        to_json(struct_pack(
            entity_name := registry.entity_name, registered_date := registry.registered_date
        )) as evidence
    from registry
    inner join identity as enterprises
        on
            registry.legal_entity_code = enterprises.legal_entity_code
            and registry.credit_code = enterprises.source_key
            and enterprises.source_table = 'external.business_registry'
    inner join identity as persons
        on
            registry.legal_entity_code = persons.legal_entity_code
            and registry.credit_code = persons.source_key
            and persons.source_table = 'external.business_registry.legal_person'
),

of_merchant as (
    select
        merchants.legal_entity_code,
        owners.customer_id as from_customer_id,
        merchants.customer_id as to_customer_id,
        'merchant' as relation_type,
        'merchant_owner' as from_role,
        'owned_merchant' as to_role,
        min(merchants.signed_date) as since,
        cast(sum(merchants.amount_90d) as decimal(18, 2)) as amount,
        cast(sum(merchants.count_90d) as bigint) as occurrences,
        to_json(struct_pack(
            merchant_name := min(merchants.merchant_name),
            amount_90d := sum(merchants.amount_90d),
            count_90d := sum(merchants.count_90d)
        )) as evidence
    from merchants
    inner join landed_merchants
        on
            merchants.legal_entity_code = landed_merchants.legal_entity_code
            and merchants.merchant_id = landed_merchants.merchant_id
    inner join customers as owners
        on
            landed_merchants.legal_entity_code = owners.legal_entity_code
            and {{ person_id('landed_merchants.legal_person_id_number_key') }} = owners.customer_id
    group by merchants.legal_entity_code, owners.customer_id, merchants.customer_id
),

of_guarantee as (
    select
        guarantees.legal_entity_code,
        guarantors.customer_id as from_customer_id,
        credit_lines.customer_id as to_customer_id,
        'guarantee' as relation_type,
        'guarantor' as from_role,
        'guaranteed_borrower' as to_role,
        min(guarantees.start_date) as since,
        cast(sum(guarantees.guarantee_amount) as decimal(18, 2)) as amount,
        count(*) as occurrences,
        to_json(struct_pack(
            guarantee_amount := sum(guarantees.guarantee_amount), end_date := max(guarantees.end_date)
        )) as evidence
    from guarantees
    inner join customers as guarantors
        on
            guarantees.legal_entity_code = guarantors.legal_entity_code
            and guarantees.guarantor_id_number_key = guarantors.id_number_key
    inner join credit_lines
        on
            guarantees.legal_entity_code = credit_lines.legal_entity_code
            and guarantees.credit_line_id = credit_lines.credit_line_id
    group by guarantees.legal_entity_code, guarantors.customer_id, credit_lines.customer_id
),

of_payroll as (
    select
        employees.legal_entity_code,
        employers.customer_id as from_customer_id,
        employees.customer_id as to_customer_id,
        'payroll' as relation_type,
        'payroll_employer' as from_role,
        'payroll_employee' as to_role,
        cast(null as date) as since,
        cast(behaviour.salary_amount_6m as decimal(18, 2)) as amount,
        cast(behaviour.salary_months_6m as bigint) as occurrences,
        to_json(struct_pack(
            employer_category := employees.employer_category, salary_months_6m := behaviour.salary_months_6m
        )) as evidence
    from employees
    inner join customers as employers
        on
            employees.legal_entity_code = employers.legal_entity_code
            and {{ enterprise_id('employees.employer_credit_code') }} = employers.customer_id
    left join behaviour
        on
            employees.legal_entity_code = behaviour.legal_entity_code
            and employees.customer_id = behaviour.customer_id
),

of_supply as (
    select
        legal_entity_code,
        payee_id as from_customer_id,
        payer_id as to_customer_id,
        'supply' as relation_type,
        'upstream' as from_role,
        'downstream' as to_role,
        first_payment_date as since,
        payment_amount as amount,
        payment_count as occurrences,
        to_json(struct_pack(
            payment_amount := payment_amount,
            payment_count := payment_count,
            last_payment_date := last_payment_date
        )) as evidence
    from trade_pairs
),

applied as (
    select
        applications.legal_entity_code,
        applications.application_id,
        referrers.customer_id as from_customer_id,
        coalesce(referred.customer_id, prospects.customer_id) as to_customer_id,
        cast(min(applications.event_time) as date) as since,
        max(applications.application_amount) as amount
    from applications
    inner join identity as referrers
        on
            applications.legal_entity_code = referrers.legal_entity_code
            and applications.referrer_customer_id = referrers.source_key
            and referrers.source_table = 'core.customer'
    left join identity as referred
        on
            applications.legal_entity_code = referred.legal_entity_code
            and applications.customer_id = referred.source_key
            and referred.source_table = 'core.customer'
    left join customers as prospects
        on
            applications.legal_entity_code = prospects.legal_entity_code
            and applications.id_number_is_valid
            and {{ person_id('applications.id_number_key') }} = prospects.customer_id
    group by
        applications.legal_entity_code,
        applications.application_id,
        referrers.customer_id,
        coalesce(referred.customer_id, prospects.customer_id)
),

of_referral as (
    select
        legal_entity_code,
        from_customer_id,
        to_customer_id,
        'referral' as relation_type,
        'referrer' as from_role,
        'referred' as to_role,
        min(since) as since,
        cast(sum(amount) as decimal(18, 2)) as amount,
        count(*) as occurrences,
        to_json(struct_pack(application_amount := sum(amount))) as evidence
    from applied
    group by legal_entity_code, from_customer_id, to_customer_id
),

edges as (
    {%- for kind in ['household', 'legal_person', 'merchant', 'guarantee', 'payroll', 'supply', 'referral'] %}
    select * from of_{{ kind }}
    {{- "\n    union all" if not loop.last }}
    {%- endfor %}
)

-- one person may represent a business that is registered twice
select
    legal_entity_code,
    from_customer_id,
    to_customer_id,
    relation_type,
    from_role,
    to_role,
    since,
    amount,
    occurrences,
    cast(evidence as varchar) as evidence
from edges
where from_customer_id <> to_customer_id
qualify row_number() over (
    partition by legal_entity_code, from_customer_id, to_customer_id, relation_type
    order by since asc, amount desc, evidence asc
) = 1
