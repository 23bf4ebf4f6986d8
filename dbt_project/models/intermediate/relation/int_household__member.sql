with

roster as (
    select * from {{ ref('stg_credit__village_roster') }}
    where filed_date <= {{ business_date() }}
),

identity as (
    select * from {{ ref('int_customer__identity') }}
    where source_table = 'credit.village_roster'
),

evaluated as (
    select * from {{ ref('int_customer_roster__evaluated') }}
    where household_id is not null
)

-- a person on the rosters of two villages belongs to the household that the evaluation names
select
    evaluated.legal_entity_code,
    evaluated.customer_id,
    evaluated.household_id,
    min(roster.village_code) as village_code,
    min_by(roster.group_name, roster.member_no) as group_name,
    min_by(roster.relation, roster.member_no) as relation_to_head,
    min(roster.member_no) as member_no,
    min(roster.filed_date) as filed_date
from evaluated
inner join identity
    on
        evaluated.legal_entity_code = identity.legal_entity_code
        and evaluated.customer_id = identity.customer_id
inner join roster
    on
        identity.legal_entity_code = roster.legal_entity_code
        and identity.source_key = {{ roster_record_key('roster') }}
        and evaluated.household_id = roster.village_code || '-' || roster.household_no
group by evaluated.legal_entity_code, evaluated.customer_id, evaluated.household_id
