with

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

scored as (
    select * from {{ ref('int_list__scored') }}
),

permitted as (
    select * from {{ ref('int_list__permitted') }}
),

standing as (
    select * from {{ ref('int_list__standing') }}
    where close_reason is null
),

dispatched as (
    select * from {{ ref('int_list__dispatched') }}
),

-- Each candidate leaves at the first step that applies; who is drawn into the control group was served like the rest.
judged as (
    select
        candidates.legal_entity_code,
        candidates.list_code,
        candidates.customer_id,
        candidates.branch_code,
        coalesce(dispatched.manager_id, standing.manager_id) as manager_id,
        dispatched.assignment_basis,
        definitions.channel,
        definitions.product_code,
        definitions.holdout_unit,
        if(
            definitions.holdout_unit = 'grid', coalesce(candidates.primary_grid_id, candidates.customer_id),
            candidates.customer_id
        ) as holdout_cluster,
        definitions.holdout_share,
        definitions.validity_days,
        definitions.is_due,
        scored.response_probability,
        scored.value_amount,
        scored.score,
        scored.scored_by,
        scored.score_reason,
        candidates.reason,
        standing.batch_id as standing_batch_id,
        case
            when permitted.customer_id is null then 'not_in_force'
            when permitted.suppressed_by is not null then permitted.suppressed_by
            when permitted.is_standing then 'on_this_list'
            when not definitions.is_due then 'not_due'
            when not dispatched.served then dispatched.unserved_reason
            else 'taken'
        end as left_by
    from candidates
    inner join definitions
        on
            candidates.legal_entity_code = definitions.legal_entity_code
            and candidates.list_code = definitions.list_code
    inner join scored
        on
            candidates.legal_entity_code = scored.legal_entity_code
            and candidates.list_code = scored.list_code
            and candidates.customer_id = scored.customer_id
    left join permitted
        on
            candidates.legal_entity_code = permitted.legal_entity_code
            and candidates.list_code = permitted.list_code
            and candidates.customer_id = permitted.customer_id
    left join standing
        on
            candidates.legal_entity_code = standing.legal_entity_code
            and candidates.list_code = standing.list_code
            and candidates.customer_id = standing.customer_id
    left join dispatched
        on
            candidates.legal_entity_code = dispatched.legal_entity_code
            and candidates.list_code = dispatched.list_code
            and candidates.customer_id = dispatched.customer_id
),

stepped as (
    select
        * exclude (left_by, standing_batch_id, holdout_share, validity_days),
        coalesce(
            standing_batch_id,
            if(left_by = 'taken', list_code || '-' || strftime({{ business_date() }}, '%Y%m%d'), null)
        ) as batch_id,
        case
            when left_by <> 'taken' then left_by
            when {{ is_held_out('list_code', 'holdout_cluster', 'holdout_share') }} then 'holdout'
            else 'delivered'
        end as step_code,
        if(left_by = 'taken', {{ business_date() }} + validity_days, null) as valid_until
    from judged
)

select
    legal_entity_code,
    list_code,
    customer_id,
    is_due,
    step_code,
    batch_id,
    left(md5(batch_id || '|' || customer_id), 16) as row_id,
    branch_code,
    manager_id,
    assignment_basis,
    channel,
    product_code,
    holdout_unit,
    holdout_cluster,
    response_probability,
    value_amount,
    score,
    scored_by,
    score_reason,
    reason,
    case
        when step_code = 'delivered'
            then row_number() over (
                partition by legal_entity_code, list_code, branch_code, manager_id, step_code
                order by score desc, customer_id asc
            )
    end as list_rank,
    valid_until
from stepped
