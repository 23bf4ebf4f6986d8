with

guarantees as (
    select * from {{ ref('stg_credit__guarantee') }}
    where {{ in_force('start_date', 'end_date') }}
),

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

credit_facts as (
    select * from {{ ref('int_customer_credit__aggregated') }}
),

roster as (
    select * from {{ ref('int_customer_roster__evaluated') }}
    where household_id is not null
),

customers as (
    select * from {{ ref('int_customer__resolved') }}
    where id_number_key is not null
),

guarantors as (
    select
        customers.legal_entity_code,
        customers.customer_id,
        coalesce(bool_or(
            credit_facts.outstanding > 0 and not credit_facts.is_overdue
            and coalesce(credit_facts.worst_five_class, 'normal') = 'normal'
        ), false) as guarantees_good_borrower
    from guarantees
    inner join customers
        on
            guarantees.legal_entity_code = customers.legal_entity_code
            and guarantees.guarantor_id_number_key = customers.id_number_key
    inner join credit_lines
        on
            guarantees.legal_entity_code = credit_lines.legal_entity_code
            and guarantees.credit_line_id = credit_lines.credit_line_id
    left join credit_facts
        on
            credit_lines.legal_entity_code = credit_facts.legal_entity_code
            and credit_lines.customer_id = credit_facts.customer_id
    group by customers.legal_entity_code, customers.customer_id
),

borrowers as (
    select
        roster.legal_entity_code,
        roster.household_id,
        min(roster.customer_id) as first_borrower,
        count(*) as borrower_count
    from roster
    inner join credit_facts
        on
            roster.legal_entity_code = credit_facts.legal_entity_code
            and roster.customer_id = credit_facts.customer_id
    where credit_facts.outstanding > 0
    group by roster.legal_entity_code, roster.household_id
),

household_members as (
    select
        roster.legal_entity_code,
        roster.customer_id
    from roster
    inner join borrowers
        on
            roster.legal_entity_code = borrowers.legal_entity_code
            and roster.household_id = borrowers.household_id
    where borrowers.borrower_count > 1 or borrowers.first_borrower <> roster.customer_id
)

select
    coalesce(guarantors.legal_entity_code, household_members.legal_entity_code) as legal_entity_code,
    coalesce(guarantors.customer_id, household_members.customer_id) as customer_id,
    guarantors.customer_id is not null as is_guarantor,
    coalesce(guarantors.guarantees_good_borrower, false) as guarantees_good_borrower,
    household_members.customer_id is not null as is_borrower_household
from guarantors
full outer join household_members
    on
        guarantors.legal_entity_code = household_members.legal_entity_code
        and guarantors.customer_id = household_members.customer_id
