{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['legal_entity_code', 'customer_id', 'tag_code', 'valid_from'],
    on_schema_change='fail',
    pre_hook="{{ rewind_history() }}",
) }}

with

features as (
    select * from {{ ref('int_customer__features') }}
),

{% if is_incremental() -%}

standing as (
    {{ tag_rows('features', with_evidence=false) }}
),

open_rows as (
    select * from {{ this }}
    where valid_to is null
),

added as (
    select standing.*
    from standing
    left join open_rows
        on
            standing.legal_entity_code = open_rows.legal_entity_code
            and standing.customer_id = open_rows.customer_id
            and standing.tag_code = open_rows.tag_code
            and standing.tag_value is not distinct from open_rows.tag_value
    where open_rows.tag_code is null
),

opened as (
    select
        added.*,
        {{ tag_rule_version('added') }} as rule_version,
        {{ tag_evidence('added', 'features') }} as evidence
    from added
    inner join features
        on
            added.legal_entity_code = features.legal_entity_code
            and added.customer_id = features.customer_id
),

-- still carried, but the customer moved to another branch or manager, or the tag was renamed. A new rule version alone
-- changes nothing: the row says under which rule, and on what evidence, it was opened.
moved as (
    select
        open_rows.legal_entity_code,
        open_rows.customer_id,
        open_rows.tag_code,
        standing.tag_name,
        standing.tag_family,
        open_rows.tag_value,
        open_rows.valid_from,
        open_rows.valid_to,
        open_rows.rule_version,
        open_rows.evidence,
        standing.branch_code,
        standing.manager_id
    from open_rows
    inner join standing
        on
            open_rows.legal_entity_code = standing.legal_entity_code
            and open_rows.customer_id = standing.customer_id
            and open_rows.tag_code = standing.tag_code
            and open_rows.tag_value is not distinct from standing.tag_value
    where
        (open_rows.tag_name, open_rows.tag_family, open_rows.branch_code, open_rows.manager_id)
        is distinct from (standing.tag_name, standing.tag_family, standing.branch_code, standing.manager_id)
),

closed as (
    select
        open_rows.legal_entity_code,
        open_rows.customer_id,
        open_rows.tag_code,
        open_rows.tag_name,
        open_rows.tag_family,
        open_rows.tag_value,
        open_rows.valid_from,
        {{ business_date() }} as valid_to,
        open_rows.rule_version,
        open_rows.evidence,
        coalesce(features.branch_code, open_rows.branch_code) as branch_code,
        if(features.customer_id is null, open_rows.manager_id, features.manager_id) as manager_id
    from open_rows
    left join standing
        on
            open_rows.legal_entity_code = standing.legal_entity_code
            and open_rows.customer_id = standing.customer_id
            and open_rows.tag_code = standing.tag_code
            and open_rows.tag_value is not distinct from standing.tag_value
    left join features
        on
            open_rows.legal_entity_code = features.legal_entity_code
            and open_rows.customer_id = features.customer_id
    where standing.tag_code is null
),

{%- else -%}

opened as (
    {{ tag_rows('features', with_evidence=true) }}
),

{%- endif %}

changes as (
    select
        legal_entity_code,
        customer_id,
        tag_code,
        tag_name,
        tag_family,
        tag_value,
        {{ business_date() }} as valid_from,
        cast(null as date) as valid_to,
        rule_version,
        evidence,
        branch_code,
        manager_id
    from opened
    {% if is_incremental() -%}
    union all
    select * from moved
    union all
    select * from closed
    {%- endif %}
)

select * from changes
