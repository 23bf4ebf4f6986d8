with

candidates as (
    select * from {{ ref('int_list__candidate') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

-- Each candidate leaves at the first step that applies.
suppressed as (
    select
        candidates.*,
        definitions.channel,
        definitions.capacity_per_manager,
        definitions.validity_days,
        case
            when list_contains(candidates.opted_out_channels, definitions.channel) then 'opted_out'
            when not list_contains(candidates.authorised_channels, definitions.channel) then 'not_authorised'
            when candidates.is_minor then 'minor'
            when candidates.is_deceased then 'deceased'
            when candidates.is_staff then 'staff'
            when candidates.is_overdue or candidates.worst_five_class <> 'normal' then 'overdue_or_below_pass'
            when candidates.risk_list <> 'none' then 'grey_black'
            when
                candidates.last_contacted_date > {{ business_date() }} - {{ var('contact_rest_days') }}
                then 'contacted_recently'
            -- The first 32 bits of the hash, as hexadecimal text, against the share: the same customer is in the
            -- control group of a list on every day.
            when
                left(md5(candidates.list_code || candidates.customer_id), 8)
                < printf('%08x', cast(definitions.holdout_share * 4294967296 as bigint))
                then 'holdout'
        end as suppressed_by
    from candidates
    inner join definitions
        on
            candidates.legal_entity_code = definitions.legal_entity_code
            and candidates.list_code = definitions.list_code
),

-- A customer without a manager goes to the branch, one without a branch to the head office; neither has a set
-- capacity.
ranked as (
    select
        *,
        case
            when suppressed_by is null
                then row_number() over (
                    partition by
                        legal_entity_code, list_code, branch_code, manager_id, suppressed_by is null
                    order by score desc nulls last, customer_id asc
                )
        end as list_rank
    from suppressed
)

select
    legal_entity_code,
    list_code,
    customer_id,
    core_customer_id,
    name_masked,
    phone_masked,
    branch_code,
    manager_id,
    grid_name,
    market_type,
    segment_name,
    score,
    reason,
    case
        when suppressed_by is not null then suppressed_by
        when manager_id is not null and list_rank > capacity_per_manager then 'over_capacity'
        else 'delivered'
    end as step_code,
    list_rank,
    {{ business_date() }} + validity_days as valid_until
from ranked
