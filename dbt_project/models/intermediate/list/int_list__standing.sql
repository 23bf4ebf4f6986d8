with

open_rows as (
    select
        legal_entity_code,
        list_code,
        batch_id,
        row_id,
        customer_id,
        branch_code,
        manager_id,
        channel,
        is_holdout,
        listed_date,
        valid_until
    from {{ list_rows_before() }}
    where closed_date is null
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

phones as (
    {{ phones_known('features') }}
),

batches as (
    select * from {{ ref('stg_ledger__list_batch') }}
),

stages as (
    select * from {{ ref('int_funnel__stage_entry') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'core.customer'
),

employees as (
    select * from {{ ref('stg_core__employee') }}
    where leave_date is null or leave_date > {{ business_date() }}
),

contacts as (
    select
        collected.legal_entity_code,
        identity.customer_id,
        collected.list_code,
        collected.list_batch_id,
        collected.outcome,
        cast(collected.contacted_at as date) as contacted_date
    from {{ ref('int_contact__collected') }} as collected
    inner join identity
        on
            collected.legal_entity_code = identity.legal_entity_code
            and collected.customer_id = identity.source_key
),

-- A contact is the row's own when it names its batch, or its list after the row was opened; any other is somebody
-- else's.
matched as (
    select
        open_rows.legal_entity_code,
        open_rows.row_id,
        contacts.outcome,
        contacts.contacted_date,
        coalesce(contacts.list_batch_id = open_rows.batch_id, false)
        or (contacts.list_code = open_rows.list_code and contacts.contacted_date > open_rows.listed_date) as is_own
    from open_rows
    inner join contacts
        on
            open_rows.legal_entity_code = contacts.legal_entity_code
            and open_rows.customer_id = contacts.customer_id
),

contacted as (
    select
        legal_entity_code,
        row_id,
        bool_or(is_own and outcome <> 'not_reached') as is_worked,
        max(contacted_date) filter (where not is_own) as last_contacted_elsewhere
    from matched
    group by legal_entity_code, row_id
),

converted as (
    select distinct
        open_rows.legal_entity_code,
        open_rows.row_id
    from open_rows
    inner join definitions
        on
            open_rows.legal_entity_code = definitions.legal_entity_code
            and open_rows.list_code = definitions.list_code
    inner join stages
        on
            open_rows.legal_entity_code = stages.legal_entity_code
            and open_rows.customer_id = stages.customer_id
            and open_rows.listed_date < stages.event_date
            and definitions.outcome
            = case stages.stage_code
                when 'applied' then 'applied' when 'approved' then 'credited' when 'first_draw' then 'drawn'
            end
)

select
    open_rows.*,
    coalesce(batches.state, 'proposed') as batch_state,
    case
        when batches.state = 'rejected' then 'batch_rejected'
        when batches.state = 'expired' then 'batch_expired'
        when features.customer_id is null then 'not_eligible'
        {{ list_suppressions('features', 'open_rows.channel') }}
        when converted.row_id is not null then 'converted'
        when contacted.is_worked then 'worked'
        when
            contacted.last_contacted_elsewhere > {{ business_date() }} - {{ var('contact_policy').rest_days }}
            then 'contacted_recently'
        when coalesce(not definitions.is_in_force, true) then 'not_in_force'
        when open_rows.manager_id is not null and employees.employee_id is null then 'manager_left'
        when open_rows.valid_until < {{ business_date() }} then 'expired'
        when definitions.ends_with_eligibility and candidates.customer_id is null then 'not_eligible'
    end as close_reason
from open_rows
left join definitions
    on
        open_rows.legal_entity_code = definitions.legal_entity_code
        and open_rows.list_code = definitions.list_code
left join candidates
    on
        open_rows.legal_entity_code = candidates.legal_entity_code
        and open_rows.list_code = candidates.list_code
        and open_rows.customer_id = candidates.customer_id
left join features
    on
        open_rows.legal_entity_code = features.legal_entity_code
        and open_rows.customer_id = features.customer_id
left join batches
    on
        open_rows.legal_entity_code = batches.legal_entity_code
        and open_rows.batch_id = batches.batch_id
left join contacted
    on
        open_rows.legal_entity_code = contacted.legal_entity_code
        and open_rows.row_id = contacted.row_id
left join converted
    on
        open_rows.legal_entity_code = converted.legal_entity_code
        and open_rows.row_id = converted.row_id
left join employees
    on
        open_rows.legal_entity_code = employees.legal_entity_code
        and open_rows.manager_id = employees.employee_id
