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

-- One pass over both, of which a day's changes are a sliver: carried anew, carried no more, or still carried by a
-- customer who moved to another branch or manager, or under another name of the tag.
changed as (
    select
        coalesce(standing.legal_entity_code, open_rows.legal_entity_code) as legal_entity_code,
        coalesce(standing.customer_id, open_rows.customer_id) as customer_id,
        coalesce(standing.tag_code, open_rows.tag_code) as tag_code,
        coalesce(standing.tag_name, open_rows.tag_name) as tag_name,
        coalesce(standing.tag_family, open_rows.tag_family) as tag_family,
        if(standing.tag_code is null, open_rows.tag_value, standing.tag_value) as tag_value,
        open_rows.valid_from,
        if(standing.tag_code is null, open_rows.branch_code, standing.branch_code) as branch_code,
        if(standing.tag_code is null, open_rows.manager_id, standing.manager_id) as manager_id,
        standing.tag_code is not null as is_carried
    from standing
    full outer join open_rows
        on
            standing.legal_entity_code = open_rows.legal_entity_code
            and standing.customer_id = open_rows.customer_id
            and standing.tag_code = open_rows.tag_code
            and standing.tag_value is not distinct from open_rows.tag_value
    where
        standing.tag_code is null
        or open_rows.tag_code is null
        or (open_rows.tag_name, open_rows.tag_family, open_rows.branch_code, open_rows.manager_id)
        is distinct from (standing.tag_name, standing.tag_family, standing.branch_code, standing.manager_id)
),

opened as (
    select
        changed.* exclude (valid_from, is_carried),
        {{ tag_rule_version('changed') }} as rule_version,
        {{ tag_evidence('changed', 'features') }} as evidence
    from changed
    inner join features
        on
            changed.legal_entity_code = features.legal_entity_code
            and changed.customer_id = features.customer_id
    where changed.valid_from is null
),

-- A new rule version alone changes nothing: a row says under which rule, and on what evidence, it was opened.
continued as (
    select
        changed.legal_entity_code,
        changed.customer_id,
        changed.tag_code,
        changed.tag_name,
        changed.tag_family,
        changed.tag_value,
        changed.valid_from,
        if(changed.is_carried, null, {{ business_date() }}) as valid_to,
        open_rows.rule_version,
        open_rows.evidence,
        -- who no longer carries the tag is still seen where the customer is now
        if(changed.is_carried, changed.branch_code, coalesce(features.branch_code, changed.branch_code)) as branch_code,
        if(
            changed.is_carried or features.customer_id is null, changed.manager_id, features.manager_id
        ) as manager_id
    from changed
    inner join open_rows
        on
            changed.legal_entity_code = open_rows.legal_entity_code
            and changed.customer_id = open_rows.customer_id
            and changed.tag_code = open_rows.tag_code
            and changed.valid_from = open_rows.valid_from
    left join features
        on
            changed.legal_entity_code = features.legal_entity_code
            and changed.customer_id = features.customer_id
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
    select * from continued
    {%- endif %}
)

select * from changes
