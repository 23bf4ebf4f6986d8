with

grids as (
    select * from {{ ref('stg_master__grid') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

rules as (
    select * from {{ ref('stg_master__grid_membership_rule') }}
),

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

merchants as (
    select * from {{ ref('int_merchant__located') }}
    where customer_id is not null and status <> 'closed'
),

businesses as (
    select * from {{ ref('int_customer_business__linked') }}
),

association_members as (
    select *
    from {{ ref('stg_external__association_member') }} as association_members
    where
        {{ basis_holds('association_members') }}
        and (association_members.joined_date is null or association_members.joined_date <= {{ business_date() }})
),

employers as (
    select * from {{ ref('int_customer_employer__linked') }}
),

-- one row per customer and value that a rule can name
placed as (
    select
        legal_entity_code,
        customer_id,
        'village_code' as rule_type,
        village_code as rule_value
    from customers
    union
    select
        legal_entity_code,
        customer_id,
        'market_code' as rule_type,
        market_code as rule_value
    from merchants
    union
    select
        association_members.legal_entity_code,
        businesses.customer_id,
        'association_code' as rule_type,
        association_members.association_code as rule_value
    from association_members
    inner join businesses
        on
            association_members.legal_entity_code = businesses.legal_entity_code
            and association_members.credit_code = businesses.credit_code
    union
    select
        legal_entity_code,
        customer_id,
        'employer_credit_code' as rule_type,
        employer_credit_code as rule_value
    from employers
    union
    select
        legal_entity_code,
        customer_id,
        'special_industry_code' as rule_type,
        special_industry_code as rule_value
    from businesses
),

matched as (
    select
        placed.legal_entity_code,
        placed.customer_id,
        grids.grid_id,
        grids.grid_kind,
        min_by(rules.rule_id, (rules.priority, rules.rule_id)) as rule_id,
        min(rules.priority) as priority
    from placed
    inner join rules
        on
            placed.legal_entity_code = rules.legal_entity_code
            and placed.rule_type = rules.rule_type
            and placed.rule_value = rules.rule_value
    inner join grids
        on
            rules.legal_entity_code = grids.legal_entity_code
            and rules.grid_id = grids.grid_id
    group by placed.legal_entity_code, placed.customer_id, grids.grid_id, grids.grid_kind
),

ranked as (
    select
        *,
        row_number() over (
            partition by legal_entity_code, customer_id, grid_kind
            order by priority asc, grid_id asc
        ) as place
    from matched
)

-- of the entity grids only the first by priority; every virtual grid
select
    legal_entity_code,
    customer_id,
    grid_id,
    grid_kind,
    grid_kind = 'entity' as is_primary,
    rule_id
from ranked
where grid_kind = 'virtual' or place = 1
