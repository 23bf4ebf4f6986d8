with

roster as (
    select * from {{ ref('stg_credit__village_roster') }}
    where filed_date <= {{ business_date() }}
),

whitelist as (
    select * from {{ ref('stg_credit__whitelist') }}
    where {{ in_force('granted_date', 'expiry_date') }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
),

filed as (
    select
        identity.legal_entity_code,
        identity.customer_id,
        min(roster.village_code || '-' || roster.household_no) as household_id,
        min(roster.filed_date) as filed_date,
        max_by(roster.evaluation, roster.evaluated_date) filter (
            where roster.evaluated_date <= {{ business_date() }}
        ) as evaluation,
        max(roster.evaluated_date) filter (where roster.evaluated_date <= {{ business_date() }}) as evaluated_date,
        max(roster.entity_type) filter (where roster.entity_type <> 'none') as entity_type
    from roster
    inner join identity
        on
            roster.legal_entity_code = identity.legal_entity_code
            and {{ roster_record_key('roster') }} = identity.source_key
            and identity.source_table = 'credit.village_roster'
    group by identity.legal_entity_code, identity.customer_id
),

whitelisted as (
    select
        identity.legal_entity_code,
        identity.customer_id,
        max_by(whitelist.limit_amount, (whitelist.granted_date, whitelist.whitelist_batch)) as whitelist_limit,
        max_by(whitelist.expiry_date, (whitelist.granted_date, whitelist.whitelist_batch)) as whitelist_expiry,
        max(whitelist.granted_date) as whitelisted_date
    from whitelist
    inner join identity
        on
            whitelist.legal_entity_code = identity.legal_entity_code
            and {{ whitelist_record_key('whitelist') }} = identity.source_key
            and identity.source_table = 'credit.whitelist'
    group by identity.legal_entity_code, identity.customer_id
)

select
    coalesce(filed.legal_entity_code, whitelisted.legal_entity_code) as legal_entity_code,
    coalesce(filed.customer_id, whitelisted.customer_id) as customer_id,
    filed.customer_id is not null as is_filed,
    filed.household_id,
    filed.filed_date,
    filed.evaluated_date is not null as is_evaluated,
    filed.evaluation,
    filed.evaluated_date,
    filed.entity_type,
    whitelisted.customer_id is not null as is_whitelisted,
    whitelisted.whitelist_limit,
    whitelisted.whitelist_expiry,
    whitelisted.whitelisted_date
from filed
full outer join whitelisted
    on
        filed.legal_entity_code = whitelisted.legal_entity_code
        and filed.customer_id = whitelisted.customer_id
