with

roster as (
    select * from {{ ref('stg_credit__village_roster') }}
    where filed_date <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'credit.village_roster'
)

-- Somebody on the rosters of two villages counts where the household of int_customer_roster__evaluated is.
select
    identity.legal_entity_code,
    identity.customer_id,
    min_by(roster.village_code, (roster.village_code || '-' || roster.household_no, roster.member_no)) as village_code,
    min_by(roster.group_name, (roster.village_code || '-' || roster.household_no, roster.member_no)) as group_name
from roster
inner join identity
    on
        roster.legal_entity_code = identity.legal_entity_code
        and roster.village_code || '|' || roster.household_no || '|' || roster.member_no = identity.source_key
group by identity.legal_entity_code, identity.customer_id
