{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['legal_entity_code', 'source_table', 'source_key', 'valid_from'],
    on_schema_change='fail',
    pre_hook="{{ rewind_history() }}",
) }}

with

standing as (
    select * from {{ ref('int_customer__identity') }}
),

{% if is_incremental() -%}

open_rows as (
    select * from {{ this }}
    where valid_to is null
),

compared as (
    select
        coalesce(standing.legal_entity_code, open_rows.legal_entity_code) as legal_entity_code,
        coalesce(standing.source_table, open_rows.source_table) as source_table,
        coalesce(standing.source_key, open_rows.source_key) as source_key,
        standing.customer_id,
        standing.method,
        standing.score,
        standing.evidence,
        open_rows.customer_id as open_customer_id,
        open_rows.method as open_method,
        open_rows.score as open_score,
        open_rows.evidence as open_evidence,
        open_rows.valid_from as open_from,
        (standing.customer_id, standing.method) is not distinct from (open_rows.customer_id, open_rows.method)
            as is_same_link
    from standing
    full join open_rows
        on
            standing.legal_entity_code = open_rows.legal_entity_code
            and standing.source_table = open_rows.source_table
            and standing.source_key = open_rows.source_key
),

changes as (
    -- made now, or still standing with another score or evidence
    select
        legal_entity_code,
        source_table,
        source_key,
        customer_id,
        method,
        score,
        evidence,
        if(is_same_link, open_from, {{ business_date() }}) as valid_from,
        cast(null as date) as valid_to
    from compared
    where
        customer_id is not null
        and (not is_same_link or (score, evidence) is distinct from (open_score, open_evidence))
    union all
    -- undone, or the record is gone
    select
        legal_entity_code,
        source_table,
        source_key,
        open_customer_id as customer_id,
        open_method as method,
        open_score as score,
        open_evidence as evidence,
        open_from as valid_from,
        {{ business_date() }} as valid_to
    from compared
    where open_customer_id is not null and not is_same_link
)

{%- else -%}

changes as (
    select
        legal_entity_code,
        source_table,
        source_key,
        customer_id,
        method,
        score,
        evidence,
        {{ business_date() }} as valid_from,
        cast(null as date) as valid_to
    from standing
)

{%- endif %}

select * from changes
