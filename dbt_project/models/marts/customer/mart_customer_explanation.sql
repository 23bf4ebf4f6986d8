{{ config(materialized='view') }}

with

memberships as not materialized (
    select * from {{ ref('fct_customer_tag').include(database=false) }}
),

tags as not materialized (
    select * from {{ ref('dim_tag').include(database=false) }}
),

links as not materialized (
    select * from {{ ref('fct_identity_link').include(database=false) }}
),

assignments as not materialized (
    select * from {{ ref('fct_customer_grid').include(database=false) }}
),

grids as not materialized (
    select * from {{ ref('dim_grid').include(database=false) }}
),

rules as not materialized (
    select * from {{ ref('mart_grid_rule').include(database=false) }}
),

customers as not materialized (
    select * from {{ ref('dim_customer').include(database=false) }}
),

labels as (
    {{ evidence_labels(ref('dim_evidence').include(database=false)) }}
),

tag_items as (
    select
        memberships.legal_entity_code,
        memberships.customer_id,
        if(memberships.tag_family = 'suppression', 'suppression', 'tag') as kind,
        memberships.tag_code as item_code,
        memberships.tag_name as item_name,
        coalesce(list_aggregate(
            list_transform(
                string_split(memberships.tag_value, ','), lambda part: {{ value_label('part', 'tag_value') }}
            ),
            'string_agg', '、'
        ), '') as subject,
        memberships.valid_from,
        memberships.valid_to,
        memberships.evidence,
        tags.definition as rule_text,
        memberships.rule_version
    from memberships
    left join tags
        on
            memberships.legal_entity_code = tags.legal_entity_code
            and memberships.tag_code = tags.tag_code
),

-- a card or a whitelist row is known by a surrogate of its number, of which a short mark is enough here
link_items as (
    select
        legal_entity_code,
        customer_id,
        'link' as kind,
        source_table as item_code,
        {{ value_label('source_table', 'source_table') }} as item_name,
        if(
            source_table in ('core.customer', 'credit.village_roster')
            or source_table like 'external.business_registry%'
            or source_table like 'acquiring.merchant%',
            source_key,
            '#' || left(sha256(source_key), 12)
        ) as subject,
        valid_from,
        valid_to,
        evidence,
        {{ value_label('method', 'method') }} || ',得分' || cast(score as double) as rule_text,
        cast(null as varchar) as rule_version
    from links
),

grid_items as (
    select
        assignments.legal_entity_code,
        assignments.customer_id,
        'grid' as kind,
        assignments.grid_id as item_code,
        coalesce(grids.grid_name, assignments.grid_id) as item_name,
        assignments.rule_id as subject,
        assignments.valid_from,
        assignments.valid_to,
        cast(null as varchar) as evidence,
        if(assignments.is_primary, '主网格,按', '虚拟网格,按')
        || coalesce(
            {{ value_label('rules.rule_type', 'rule_type') }} || ' '
            || left({{ value_label('rules.rule_value', 'market_code') }}, 60),
            '已停用的规则'
        )
        || '划入(规则 ' || assignments.rule_id || ')' as rule_text,
        cast(null as varchar) as rule_version
    from assignments
    left join grids
        on
            assignments.legal_entity_code = grids.legal_entity_code
            and assignments.grid_id = grids.grid_id
    left join rules
        on
            assignments.legal_entity_code = rules.legal_entity_code
            and assignments.rule_id = rules.rule_id
),

items as (
    select * from tag_items
    union all
    select * from link_items
    union all
    select * from grid_items
)

select
    items.legal_entity_code,
    items.customer_id,
    customers.customer_title,
    items.kind,
    {{ value_label('items.kind', 'item_kind') }} as kind_name,
    items.item_code,
    items.item_name,
    items.subject,
    items.valid_from,
    items.valid_to,
    case
        when items.valid_to is null then 'open'
        when items.valid_to > {{ business_date() }} - {{ var('explained_days') }} then 'removed_recently'
        else 'removed'
    end as status,
    {{ value_label('status', 'item_status') }} as status_name,
    items.rule_text
    || coalesce(
        '。依据:'
        || case
            when items.kind = 'link' then items.evidence
            else {{ evidence_text('items.evidence', 'labels.labels') }}
        end,
        ''
    )
    || coalesce('。规则版本 ' || items.rule_version, '') as why,
    items.evidence,
    items.rule_version,
    customers.branch_code,
    customers.manager_id
from items
left join customers
    on
        items.legal_entity_code = customers.legal_entity_code
        and items.customer_id = customers.customer_id
-- last: the text of a view writes a cross join as a comma, which binds less than the joins after it
cross join labels
