with

members as (
    select * from {{ ref('int_household__member') }}
),

features as (
    select * from {{ ref('int_customer__features') }}
),

joined as (
    select
        members.household_id,
        members.village_code as roster_village_code,
        members.relation_to_head = 'head' as is_head,
        -- the head, else the first of the roster, speaks for the household
        if(members.relation_to_head = 'head', 0, members.member_no) as place,
        features.*
    from members
    inner join features
        on
            members.legal_entity_code = features.legal_entity_code
            and members.customer_id = features.customer_id
)

select
    legal_entity_code,
    business_date,
    household_id,
    min_by(customer_id, (place, customer_id)) as head_customer_id,
    min_by(name_masked, (place, customer_id)) as head_name_masked,
    bool_or(is_head) as has_head,
    min(roster_village_code) as village_code,
    min_by(village_name, (place, customer_id)) as village_name,
    min_by(town_name, (place, customer_id)) as town_name,
    min_by(market_type, (place, customer_id)) as market_type,
    -- empty text stands for a head whom nobody manages, or another member's manager would step in
    nullif(min_by(coalesce(branch_code, ''), (place, customer_id)), '') as branch_code,
    nullif(min_by(coalesce(manager_id, ''), (place, customer_id)), '') as manager_id,
    count(*) as persons,
    count(*) filter (where is_bank_customer) as bank_customers,
    count(*) filter (where is_evaluated) as evaluated_members,
    count(*) filter (where is_whitelisted) as whitelisted_members,
    count(*) filter (where is_credited) as credited_members,
    count(*) filter (where is_drawn) as drawn_members,
    sum(deposit_balance) as deposits,
    sum(outstanding) as outstanding,
    sum(whitelist_limit) as whitelist_limit,
    sum(credit_limit) as credit_limit
from joined
group by legal_entity_code, business_date, household_id
