with

credit_lines as (
    select * from {{ ref('int_credit_line__assessed') }}
),

loans as (
    select * from {{ ref('int_loan__assessed') }}
),

applications as (
    select * from {{ ref('stg_credit__application_event') }}
    where stage <> 'marketing' and cast(event_time as date) <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

line_facts as (
    select
        legal_entity_code,
        customer_id,
        sum(limit_amount) as credit_limit,
        min(signed_date) as credit_signed_date,
        min(expiry_date) as credit_expiry,
        max_by(channel, (signed_date, credit_line_id)) as line_channel,
        max_by(product_code, (signed_date, credit_line_id)) as line_product_code
    from credit_lines
    where is_in_force
    group by legal_entity_code, customer_id
),

loan_facts as (
    select
        legal_entity_code,
        customer_id,
        min(disbursed_date) as first_draw_date,
        count(*) as draw_count,
        sum(outstanding) as outstanding,
        min(maturity_date) filter (where outstanding > 0) as loan_maturity_date,
        bool_or(outstanding > 0 or is_line_in_force) as is_drawn,
        bool_or(is_overdue) as is_overdue,
        max(
            case five_class
                when 'loss' then 5 when 'doubtful' then 4 when 'substandard' then 3 when 'special_mention' then 2
                when 'normal' then 1
            end
        ) filter (where outstanding > 0 or status = 'written_off') as worst_five_rank,
        bool_or(is_settled)
        and sum(outstanding) = 0
        and not bool_or(status in ('overdue', 'written_off'))
        and coalesce(bool_and(five_class = 'normal'), true) as is_settled_good,
        max(settled_date) filter (where is_settled) as settled_date,
        bool_or(product_category = 'mortgage' and outstanding > 0) as has_mortgage,
        max_by(channel, (disbursed_date, loan_id)) filter (where outstanding > 0) as loan_channel,
        max_by(product_code, (disbursed_date, loan_id)) filter (where outstanding > 0) as loan_product_code
    from loans
    group by legal_entity_code, customer_id
),

applied as (
    select
        legal_entity_code,
        application_id,
        max(customer_id) as core_customer_id,
        max(id_number_key) as id_number_key,
        max(cast(event_time as date)) as last_event_date,
        bool_or(stage in ('approved', 'disbursed', 'post_loan', 'collection')) as is_approved,
        bool_or(stage = 'rejected') as is_rejected
    from applications
    group by legal_entity_code, application_id
),

-- by the core number, and by the ID number for those who applied before they had one
application_customers as (
    select
        applied.*,
        identity.customer_id
    from applied
    inner join identity
        on
            applied.legal_entity_code = identity.legal_entity_code
            and applied.core_customer_id = identity.source_key
    union
    select
        applied.*,
        customers.customer_id
    from applied
    inner join customers
        on
            applied.legal_entity_code = customers.legal_entity_code
            and applied.id_number_key = customers.id_number_key
),

applicants as (
    select
        legal_entity_code,
        customer_id,
        max(last_event_date) filter (where not is_approved and not is_rejected) as pending_application_date,
        max(last_event_date) filter (where is_rejected) as rejected_date
    from application_customers
    group by legal_entity_code, customer_id
),

everyone as (
    select
        legal_entity_code,
        customer_id
    from line_facts
    union
    select
        legal_entity_code,
        customer_id
    from loan_facts
    union
    select
        legal_entity_code,
        customer_id
    from applicants
)

select
    everyone.legal_entity_code,
    everyone.customer_id,
    line_facts.customer_id is not null or coalesce(loan_facts.outstanding > 0, false) as is_credited,
    coalesce(line_facts.credit_limit, 0) as credit_limit,
    line_facts.credit_signed_date,
    line_facts.credit_expiry,
    coalesce(line_facts.line_channel, loan_facts.loan_channel) as credit_channel,
    coalesce(line_facts.line_product_code, loan_facts.loan_product_code) as credit_product_code,
    coalesce(loan_facts.is_drawn, false) as is_drawn,
    loan_facts.first_draw_date,
    coalesce(loan_facts.draw_count, 0) as draw_count,
    coalesce(loan_facts.outstanding, 0) as outstanding,
    loan_facts.loan_maturity_date,
    coalesce(loan_facts.is_overdue, false) as is_overdue,
    case loan_facts.worst_five_rank
        when 5 then 'loss' when 4 then 'doubtful' when 3 then 'substandard' when 2 then 'special_mention'
        when 1 then 'normal'
    end as worst_five_class,
    coalesce(loan_facts.is_settled_good, false) as is_settled_good,
    loan_facts.settled_date,
    coalesce(loan_facts.has_mortgage, false) as has_mortgage,
    applicants.customer_id is not null as has_application,
    applicants.pending_application_date,
    applicants.rejected_date
from everyone
left join line_facts
    on
        everyone.legal_entity_code = line_facts.legal_entity_code
        and everyone.customer_id = line_facts.customer_id
left join loan_facts
    on
        everyone.legal_entity_code = loan_facts.legal_entity_code
        and everyone.customer_id = loan_facts.customer_id
left join applicants
    on
        everyone.legal_entity_code = applicants.legal_entity_code
        and everyone.customer_id = applicants.customer_id
