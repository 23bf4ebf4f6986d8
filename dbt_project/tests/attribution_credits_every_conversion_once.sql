-- Each model credits every application, signing and first draw of the funnel once, with its amount, to a touch of the
-- window or to nobody.
with

entries as (
    select * from {{ ref('int_funnel__stage_entry') }}
    where stage_code in ('applied', 'signed', 'first_draw')
),

conversions as (
    select
        legal_entity_code,
        stage_code,
        count(*) as conversions,
        coalesce(sum(amount), 0) as amount
    from entries
    group by legal_entity_code, stage_code
),

attribution_models (attribution_model) as (
    values
    ('first_touch'),
    ('last_touch')
),

credited as (
    select
        legal_entity_code,
        stage_code,
        attribution_model,
        count(*) as conversions,
        coalesce(sum(amount), 0) as amount,
        count(*) filter (
            where days_from_touch < 0 or days_from_touch > {{ var('attribution_window_days') }}
        ) as outside_window
    from {{ ref('mart_attribution') }}
    group by legal_entity_code, stage_code, attribution_model
)

select
    conversions.*,
    attribution_models.attribution_model,
    credited.conversions as credited_conversions,
    credited.amount as credited_amount,
    credited.outside_window
from conversions
cross join attribution_models
left join credited
    on
        conversions.legal_entity_code = credited.legal_entity_code
        and conversions.stage_code = credited.stage_code
        and attribution_models.attribution_model = credited.attribution_model
where
    conversions.conversions is distinct from credited.conversions
    or conversions.amount is distinct from credited.amount
    or credited.outside_window > 0
