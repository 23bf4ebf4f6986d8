with

-- Lines that could be drawn on, and those that only wait for the signature.
credit_lines as (
    select
        *,
        bool_or(is_in_force) over (partition by legal_entity_code, customer_id) as customer_has_signed
    from {{ ref('int_credit_line__assessed') }}
    where is_in_force or (not is_signed and status = 'active' and expiry_date > {{ business_date() }})
),

features as (
    select * from {{ ref('int_customer__features') }}
    where not is_drawn
),

touches as (
    select * from {{ ref('int_funnel__touch') }}
    where touch_kind in ('contact', 'visit')
),

standing as (
    select
        legal_entity_code,
        customer_id,
        bool_or(is_in_force) as is_signed,
        sum(limit_amount) as credit_limit,
        min(approved_date) as approved_date,
        min(signed_date) filter (where is_in_force) as signed_date,
        min(expiry_date) as expiry_date,
        max_by(channel, (approved_date, credit_line_id)) as channel,
        max_by(product_code, (approved_date, credit_line_id)) as product_code
    from credit_lines
    where is_in_force = customer_has_signed
    group by legal_entity_code, customer_id
),

touched as (
    select
        standing.legal_entity_code,
        standing.customer_id,
        max(cast(touches.touched_at as date)) filter (where touches.touch_kind = 'contact') as last_contact_date,
        max_by(touches.outcome, (touches.touched_at, touches.touch_id)) filter (
            where touches.touch_kind = 'contact'
        ) as last_contact_outcome,
        max_by(touches.list_code, (touches.touched_at, touches.touch_id)) filter (
            where touches.touch_kind = 'contact'
        ) as last_contact_list_code,
        max(cast(touches.touched_at as date)) filter (where touches.touch_kind = 'visit') as last_visit_date,
        max_by(touches.outcome, (touches.touched_at, touches.touch_id)) filter (
            where touches.touch_kind = 'visit'
        ) as last_visit_outcome,
        count(*) filter (where cast(touches.touched_at as date) >= standing.approved_date) as touches_since,
        count(*) filter (
            where touches.is_reached and cast(touches.touched_at as date) >= standing.approved_date
        ) as answered_since,
        max_by(touches.outcome, (touches.touched_at, touches.touch_id)) filter (
            where touches.is_reached and cast(touches.touched_at as date) >= standing.approved_date
        ) as last_answer_since
    from standing
    inner join touches
        on
            standing.legal_entity_code = touches.legal_entity_code
            and standing.customer_id = touches.customer_id
    group by standing.legal_entity_code, standing.customer_id
)

select
    standing.legal_entity_code,
    standing.customer_id,
    standing.is_signed,
    cast(standing.credit_limit as decimal(18, 2)) as credit_limit,
    standing.approved_date,
    standing.signed_date,
    {{ business_date() }} - coalesce(standing.signed_date, standing.approved_date) as dormant_days,
    standing.expiry_date,
    -- The last day on which the line can be drawn is the one before.
    standing.expiry_date - 1 - {{ business_date() }} as days_left,
    standing.channel,
    standing.product_code,
    touched.last_contact_date,
    touched.last_contact_outcome,
    touched.last_contact_list_code,
    touched.last_visit_date,
    touched.last_visit_outcome,
    coalesce(touched.touches_since, 0) as touches_since,
    coalesce(touched.answered_since, 0) as answered_since,
    touched.last_answer_since,
    len(features.opted_out_channels) > 0 as has_opted_out,
    features.draw_count,
    features.deposit_balance,
    features.posting_count_90d
from standing
inner join features
    on
        standing.legal_entity_code = features.legal_entity_code
        and standing.customer_id = features.customer_id
left join touched
    on
        standing.legal_entity_code = touched.legal_entity_code
        and standing.customer_id = touched.customer_id
