{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['legal_entity_code', 'source_table', 'source_key', 'customer_id', 'valid_from'],
    on_schema_change='fail',
    pre_hook="{{ rewind_history() }}",
) }}

with

chosen as (
    select * from {{ ref('int_identity__chosen') }}
    where outcome = 'review'
),

records as (
    select * from {{ ref('int_identity__record') }}
),

decided as (
    select * from {{ ref('int_identity__decided') }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

standing as (
    select
        chosen.legal_entity_code,
        chosen.source_table,
        chosen.source_key,
        chosen.customer_id,
        chosen.candidate_rank,
        chosen.score,
        chosen.evidence,
        records.name_masked as record_name_masked,
        records.id_number_masked as record_id_number_masked,
        records.phone_masked as record_phone_masked,
        record_customers.village_name as record_village_name,
        candidates.core_customer_id,
        candidates.name_masked,
        candidates.id_number_masked,
        candidates.phone_masked,
        candidates.village_name
    from chosen
    inner join records
        on
            chosen.legal_entity_code = records.legal_entity_code
            and chosen.source_table = records.source_table
            and chosen.source_key = records.source_key
    left join customers as record_customers
        on
            records.legal_entity_code = record_customers.legal_entity_code
            and records.own_id = record_customers.customer_id
    left join customers as candidates
        on
            chosen.legal_entity_code = candidates.legal_entity_code
            and chosen.customer_id = candidates.customer_id
),

{% if is_incremental() -%}

open_rows as (
    select * from {{ this }}
    where valid_to is null
),

closed as (
    select
        open_rows.* replace (
            coalesce(decided.decision || 'ed', 'settled') as review_status, {{ business_date() }} as valid_to
        )
    from open_rows
    anti join standing
        on {{ same_key("open_rows", "standing", ["legal_entity_code", "source_table", "source_key", "customer_id"]) }}
    left join decided
        on {{ same_key("open_rows", "decided", ["legal_entity_code", "source_table", "source_key", "customer_id"]) }}
),

{%- endif %}

changes as (
    select
        standing.*,
        'open' as review_status,
        {% if is_incremental() -%}
        coalesce(open_rows.valid_from, {{ business_date() }}) as valid_from,
        cast(null as date) as valid_to
    from standing
    left join open_rows
        on {{ same_key("standing", "open_rows", ["legal_entity_code", "source_table", "source_key", "customer_id"]) }}
    union all
    select * from closed
        {%- else -%}
        {{ business_date() }} as valid_from,
        cast(null as date) as valid_to
    from standing
        {%- endif %}
)

select * from changes
