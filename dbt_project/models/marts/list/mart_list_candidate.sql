with

waterfall as (
    select * from {{ ref('int_list__waterfall') }}
),

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

permitted as (
    select * from {{ ref('int_list__permitted') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

steps as (
    select * from {{ ref('int_list__step') }}
)

select
    {{ business_date() }} as business_date,
    waterfall.legal_entity_code,
    waterfall.list_code,
    definitions.list_name,
    waterfall.batch_id,
    waterfall.row_id,
    waterfall.customer_id,
    candidates.core_customer_id,
    candidates.name_masked,
    steps.step_order,
    waterfall.step_code,
    steps.step_name,
    waterfall.branch_code,
    waterfall.manager_id,
    waterfall.assignment_basis,
    candidates.own_manager_id,
    candidates.grid_manager_id,
    candidates.grid_name,
    waterfall.response_probability,
    waterfall.value_amount,
    waterfall.score,
    waterfall.scored_by,
    waterfall.score_reason,
    waterfall.list_rank,
    waterfall.reason,
    waterfall.holdout_unit,
    waterfall.holdout_cluster,
    candidates.is_minor,
    candidates.is_deceased,
    candidates.is_staff,
    candidates.is_overdue,
    candidates.worst_five_class,
    candidates.risk_list,
    candidates.phone_masked is not null as has_phone,
    array_to_string(candidates.opted_out_channels, ',') as opted_out_channels,
    array_to_string(candidates.authorised_channels, ',') as authorised_channels,
    candidates.last_contacted_date,
    permitted.standing_list_code,
    permitted.recent_listings
from waterfall
inner join candidates
    on
        waterfall.legal_entity_code = candidates.legal_entity_code
        and waterfall.list_code = candidates.list_code
        and waterfall.customer_id = candidates.customer_id
inner join definitions
    on
        waterfall.legal_entity_code = definitions.legal_entity_code
        and waterfall.list_code = definitions.list_code
inner join steps on waterfall.step_code = steps.step_code
left join permitted
    on
        waterfall.legal_entity_code = permitted.legal_entity_code
        and waterfall.list_code = permitted.list_code
        and waterfall.customer_id = permitted.customer_id
