{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['legal_entity_code', 'source_table', 'source_key', 'valid_from'],
    on_schema_change='fail',
    pre_hook="{{ rewind_history() }}",
) }}

with

standing as (
    select
        *,
        cast(null as varchar) as evidence
    from {{ ref('int_customer__identity') }}
)

{%- if is_incremental() -%},

open_rows as (
    select * from {{ this }}
    where valid_to is null
)

select
    standing.legal_entity_code,
    standing.source_table,
    standing.source_key,
    standing.customer_id,
    standing.method,
    standing.score,
    standing.evidence,
    {{ business_date() }} as valid_from,
    cast(null as date) as valid_to
from standing
left join open_rows using (legal_entity_code, source_table, source_key)
where (open_rows.customer_id, open_rows.method) is distinct from (standing.customer_id, standing.method)
union all
select
    open_rows.legal_entity_code,
    open_rows.source_table,
    open_rows.source_key,
    open_rows.customer_id,
    open_rows.method,
    open_rows.score,
    open_rows.evidence,
    open_rows.valid_from,
    {{ business_date() }} as valid_to
from open_rows
left join standing using (legal_entity_code, source_table, source_key)
where (open_rows.customer_id, open_rows.method) is distinct from (standing.customer_id, standing.method)
{%- else %}

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
{%- endif %}
