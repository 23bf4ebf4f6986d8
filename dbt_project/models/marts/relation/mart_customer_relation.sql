{{ config(materialized='view') }}

with

relations as not materialized (
    select * from {{ ref('fct_customer_relation').include(database=false) }}
),

customers as not materialized (
    select * from {{ ref('dim_customer').include(database=false) }}
),

labels as (
    {{ evidence_labels(ref('dim_evidence').include(database=false)) }}
),

directed as (
    select
        legal_entity_code,
        from_customer_id as customer_id,
        to_customer_id as related_customer_id,
        relation_type,
        to_role as related_role,
        since,
        amount,
        occurrences,
        evidence
    from relations
    union all
    select
        legal_entity_code,
        to_customer_id as customer_id,
        from_customer_id as related_customer_id,
        relation_type,
        from_role as related_role,
        since,
        amount,
        occurrences,
        evidence
    from relations
)

select
    directed.legal_entity_code,
    directed.customer_id,
    customers.customer_title,
    directed.related_customer_id,
    related.customer_title as related_title,
    directed.relation_type,
    {{ value_label('directed.relation_type', 'relation_type') }} as relation_name,
    directed.related_role,
    {{ value_label('directed.related_role', 'related_role') }} as related_role_name,
    directed.since,
    directed.amount,
    directed.occurrences,
    directed.evidence,
    {{ evidence_text('directed.evidence', 'labels.labels') }} as why,
    customers.branch_code,
    customers.manager_id
from directed
inner join customers
    on
        directed.legal_entity_code = customers.legal_entity_code
        and directed.customer_id = customers.customer_id
left join customers as related
    on
        directed.legal_entity_code = related.legal_entity_code
        and directed.related_customer_id = related.customer_id
-- last: the text of a view writes a cross join as a comma, which binds less than the joins after it
cross join labels
