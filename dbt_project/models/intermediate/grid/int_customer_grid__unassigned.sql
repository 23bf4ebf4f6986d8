with

customers as (
    select * from {{ ref('int_customer__resolved') }}
),

assignments as (
    select * from {{ ref('int_customer_grid__assigned') }}
    where is_primary
),

villages as (
    select * from {{ ref('stg_master__village') }}
),

rules as (
    select * from {{ ref('int_grid_rule__parsed') }}
    where grid_kind = 'entity' or rule_fault = 'unknown_grid'
),

points as (
    select distinct
        legal_entity_code,
        customer_id
    from {{ ref('int_customer_point__located') }}
),

-- of each village: a whole-village rule that should have worked, and why it did not
village_rules as (
    select
        legal_entity_code,
        village_code,
        bool_or(rule_fault is not null) as is_faulty
    from rules
    where rule_type = 'village_code'
    group by legal_entity_code, village_code
)

select
    customers.legal_entity_code,
    customers.customer_id,
    case
        when customers.village_code is null and points.customer_id is not null then 'outside_every_area'
        when customers.village_code is null then 'no_village'
        when villages.village_code is null then 'unknown_village'
        when village_rules.village_code is null then 'village_without_grid'
        when village_rules.is_faulty then 'rule_faulty'
        else 'rule_not_in_force'
    end as reason_code
from customers
left join assignments
    on
        customers.legal_entity_code = assignments.legal_entity_code
        and customers.customer_id = assignments.customer_id
left join villages
    on
        customers.legal_entity_code = villages.legal_entity_code
        and customers.village_code = villages.village_code
left join village_rules
    on
        customers.legal_entity_code = village_rules.legal_entity_code
        and customers.village_code = village_rules.village_code
left join points
    on
        customers.legal_entity_code = points.legal_entity_code
        and customers.customer_id = points.customer_id
where assignments.customer_id is null
