{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['legal_entity_code', 'customer_id', 'grid_id', 'rule_id', 'valid_from'],
    on_schema_change='fail',
    pre_hook="{{ rewind_history() }}",
) }}

with

standing as (
    select * from {{ ref('int_customer_grid__assigned') }}
)

{%- if is_incremental() -%},

open_rows as (
    select * from {{ this }}
    where valid_to is null
)

select
    standing.legal_entity_code,
    standing.customer_id,
    standing.grid_id,
    standing.is_primary,
    standing.rule_id,
    {{ business_date() }} as valid_from,
    cast(null as date) as valid_to
from standing
anti join open_rows
    on
        standing.legal_entity_code = open_rows.legal_entity_code
        and standing.customer_id = open_rows.customer_id
        and standing.grid_id = open_rows.grid_id
        and standing.rule_id = open_rows.rule_id
union all
select
    open_rows.legal_entity_code,
    open_rows.customer_id,
    open_rows.grid_id,
    open_rows.is_primary,
    open_rows.rule_id,
    open_rows.valid_from,
    {{ business_date() }} as valid_to
from open_rows
anti join standing
    on
        open_rows.legal_entity_code = standing.legal_entity_code
        and open_rows.customer_id = standing.customer_id
        and open_rows.grid_id = standing.grid_id
        and open_rows.rule_id = standing.rule_id
{%- else %}

select
    legal_entity_code,
    customer_id,
    grid_id,
    is_primary,
    rule_id,
    {{ business_date() }} as valid_from,
    cast(null as date) as valid_to
from standing
{%- endif %}
