{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['legal_entity_code', 'batch_id', 'customer_id'],
    on_schema_change='fail',
    pre_hook="{{ rewind_list_rows() }}",
) }}
-- depends_on: {{ ref('int_list__standing') }}

with

waterfall as (
    select * from {{ ref('int_list__waterfall') }}
    where step_code in ('delivered', 'holdout')
),

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

{% if is_incremental() -%}

closing as (
    select * from {{ ref('int_list__standing') }}
    where close_reason is not null
),

closed as (
    select
        known.* replace ({{ business_date() }} as closed_date, closing.close_reason as close_reason)
    from {{ this }} as known
    inner join closing
        on
            known.legal_entity_code = closing.legal_entity_code
            and known.batch_id = closing.batch_id
            and known.customer_id = closing.customer_id
),

{%- endif %}

opened as (
    select
        waterfall.legal_entity_code,
        waterfall.list_code,
        waterfall.batch_id,
        waterfall.row_id,
        waterfall.customer_id,
        candidates.core_customer_id,
        waterfall.branch_code,
        waterfall.manager_id,
        waterfall.channel,
        waterfall.product_code,
        waterfall.holdout_unit,
        waterfall.holdout_cluster,
        waterfall.step_code = 'holdout' as is_holdout,
        waterfall.score,
        waterfall.response_probability,
        waterfall.value_amount,
        waterfall.scored_by,
        waterfall.score_reason,
        waterfall.list_rank,
        waterfall.reason,
        waterfall.assignment_basis,
        {{ business_date() }} as listed_date,
        waterfall.valid_until,
        cast(null as date) as closed_date,
        cast(null as varchar) as close_reason
    from waterfall
    inner join candidates
        on
            waterfall.legal_entity_code = candidates.legal_entity_code
            and waterfall.list_code = candidates.list_code
            and waterfall.customer_id = candidates.customer_id
)

select * from opened
{% if is_incremental() -%}
union all
select * from closed
{%- endif %}
