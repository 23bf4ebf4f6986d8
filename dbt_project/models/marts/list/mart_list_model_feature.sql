with

allowed (feature_order, feature_code, feature_name, opposite_name, allowed_because) as (
    values
    {%- for feature in var('response_model').features %}
    (
        {{ loop.index }},
        {{ sql_text(feature.column) }},
        {{ sql_text(feature.high) }},
        {{ sql_text(feature.low) }},
        {{ sql_text(feature.reason) }}
    ),
    {%- endfor %}
    (null, null, null, null, null)
),

assessed as (
    select * from {{ ref('int_list__assessed') }}
),

learnt as (
    select
        is_model,
        unnest(
            from_json(features, '[{"feature_code": "VARCHAR", "weight": "DOUBLE", "stability": "DOUBLE"}]')
        ) as feature
    from assessed
),

used as (
    select
        feature['feature_code'] as feature_code,
        count(*) as tested_lists,
        count(*) filter (where is_model) as ranked_lists,
        max_by(feature['weight'], abs(feature['weight'])) as strongest_weight,
        max(feature['stability']) as highest_drift
    from learnt
    group by feature['feature_code']
)

select
    {{ business_date() }} as business_date,
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    allowed.feature_order,
    allowed.feature_code,
    allowed.feature_name,
    allowed.opposite_name,
    allowed.allowed_because,
    cast(coalesce(used.tested_lists, 0) as integer) as tested_lists,
    cast(coalesce(used.ranked_lists, 0) as integer) as ranked_lists,
    round(used.strongest_weight, 4) as strongest_weight,
    round(used.highest_drift, 4) as highest_drift,
    case
        when used.highest_drift is null then 'unknown'
        when used.highest_drift > {{ var('response_model').drift.hand_back }} then 'drifted'
        when used.highest_drift > {{ var('response_model').drift.watch }} then 'watch'
        else 'stable'
    end as drift_status
from allowed
left join used on allowed.feature_code = used.feature_code
where allowed.feature_code is not null
