with

assessed as (
    select * from {{ ref('int_list__assessed') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

scored as (
    select
        legal_entity_code,
        list_code,
        cast(count(*) as integer) as candidates,
        round(avg(response_probability), 4) as mean_probability,
        round(avg(score), 2) as mean_score
    from {{ ref('int_list__scored') }}
    group by legal_entity_code, list_code
),

parts as (
    select
        legal_entity_code,
        list_code,
        unnest(from_json(calibration, '[{"expected": "DOUBLE", "seen": "DOUBLE"}]')) as part
    from assessed
),

-- how far the seen share of held-out rows is from the expected one, part by part
calibrated as (
    select
        legal_entity_code,
        list_code,
        max(abs(part['expected'] - part['seen'])) as calibration_gap
    from parts
    group by legal_entity_code, list_code
)

select
    {{ business_date() }} as business_date,
    assessed.legal_entity_code,
    assessed.list_code,
    definitions.list_name,
    definitions.outcome,
    if(assessed.is_model, 'model', 'rule') as scored_by,
    assessed.decision,
    coalesce(scored.candidates, 0) as candidates,
    scored.mean_probability,
    scored.mean_score,
    cast(assessed.past_rows as integer) as past_rows,
    cast(assessed.past_successes as integer) as past_successes,
    assessed.first_listed_date,
    assessed.last_listed_date,
    cast(assessed.learnt_rows as integer) as learnt_rows,
    assessed.held_out_from,
    cast(assessed.held_out_rows as integer) as held_out_rows,
    cast(assessed.held_out_successes as integer) as held_out_successes,
    round(assessed.rule_auc, 4) as rule_auc,
    round(assessed.model_auc, 4) as model_auc,
    round(assessed.auc_gain_low, 4) as auc_gain_low,
    round(assessed.auc_gain_high, 4) as auc_gain_high,
    round(assessed.rule_log_loss, 4) as rule_log_loss,
    round(assessed.model_log_loss, 4) as model_log_loss,
    round(assessed.rule_brier, 4) as rule_brier,
    round(assessed.model_brier, 4) as model_brier,
    assessed.rule_captured_value,
    assessed.model_captured_value,
    round(calibrated.calibration_gap, 4) as calibration_gap,
    round(assessed.score_drift, 4) as score_drift
from assessed
inner join definitions
    on
        assessed.legal_entity_code = definitions.legal_entity_code
        and assessed.list_code = definitions.list_code
left join scored
    on
        assessed.legal_entity_code = scored.legal_entity_code
        and assessed.list_code = scored.list_code
left join calibrated
    on
        assessed.legal_entity_code = calibrated.legal_entity_code
        and assessed.list_code = calibrated.list_code
