with

conversions as (
    select * from {{ ref('int_funnel__stage_entry') }}
    where stage_code in ('applied', 'signed', 'first_draw')
),

touches as (
    select
        *,
        cast(touched_at as date) as touch_date
    from {{ ref('int_funnel__touch') }}
    where is_reached
),

ranked as (
    select
        conversions.legal_entity_code,
        conversions.customer_id,
        conversions.stage_code,
        conversions.event_date,
        conversions.channel,
        conversions.product_code,
        conversions.amount,
        touches.touch_id,
        touches.touch_kind,
        touches.touch_date,
        touches.list_code,
        touches.list_batch_id,
        touches.manager_id as touch_manager_id,
        row_number() over (
            partition by conversions.legal_entity_code, conversions.customer_id, conversions.stage_code
            order by touches.touched_at asc, touches.touch_id asc
        ) as number_from_first,
        row_number() over (
            partition by conversions.legal_entity_code, conversions.customer_id, conversions.stage_code
            order by touches.touched_at desc, touches.touch_id desc
        ) as number_from_last
    from conversions
    left join touches
        on
            conversions.legal_entity_code = touches.legal_entity_code
            and conversions.customer_id = touches.customer_id
            and conversions.event_date >= touches.touch_date
            and conversions.event_date <= touches.touch_date + {{ var('attribution_window_days') }}
),

attribution_models (attribution_model) as (
    values
    ('first_touch'),
    ('last_touch')
)

select
    ranked.legal_entity_code,
    ranked.customer_id,
    ranked.stage_code,
    attribution_models.attribution_model,
    ranked.event_date,
    ranked.channel,
    ranked.product_code,
    ranked.amount,
    coalesce(ranked.touch_kind, 'organic') as touch_kind,
    ranked.touch_id,
    ranked.touch_date,
    ranked.event_date - ranked.touch_date as days_from_touch,
    ranked.list_code,
    ranked.list_batch_id,
    ranked.touch_manager_id
from ranked
inner join attribution_models
    on
        case attribution_models.attribution_model
            when 'first_touch' then ranked.number_from_first
            else ranked.number_from_last
        end = 1
