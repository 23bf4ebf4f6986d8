with

scored as (
    select * from {{ ref('int_identity__scored') }}
),

decided as (
    select * from {{ ref('int_identity__decided') }}
),

linked as (
    select * from {{ ref('int_identity__linked') }}
    where is_doubtful
),

permitted as (
    select scored.*
    from scored
    inner join linked
        on
            scored.legal_entity_code = linked.legal_entity_code
            and scored.source_table = linked.source_table
            and scored.source_key = linked.source_key
            and scored.customer_id <> linked.own_id
    anti join decided
        on
            scored.legal_entity_code = decided.legal_entity_code
            and scored.source_table = decided.source_table
            and scored.source_key = decided.source_key
            and scored.customer_id = decided.customer_id
            and decided.decision = 'reject'
    -- one core number without a valid ID number does not make the other's person known
    where scored.source_table <> 'core.customer' or starts_with(scored.customer_id, 'P')
),

core_ranked as (
    {{ ranked_candidates("permitted") }}
),

core_chosen as (
    select
        core_ranked.legal_entity_code,
        linked.own_id,
        core_ranked.customer_id
    from core_ranked
    inner join linked
        on
            core_ranked.legal_entity_code = linked.legal_entity_code
            and core_ranked.source_table = linked.source_table
            and core_ranked.source_key = linked.source_key
    where core_ranked.source_table = 'core.customer' and core_ranked.outcome = 'link'
),

-- A core number that now belongs to a person stands for the person.
followed as (
    select permitted.* replace (coalesce(core_chosen.customer_id, permitted.customer_id) as customer_id)
    from permitted
    left join core_chosen
        on
            permitted.legal_entity_code = core_chosen.legal_entity_code
            and permitted.customer_id = core_chosen.own_id
),

ranked as (
    {{ ranked_candidates("followed") }}
)

select
    legal_entity_code,
    source_table,
    source_key,
    customer_id,
    candidate_rank,
    outcome,
    -- certainty is kept for what a record carries itself
    cast(least(round(match_probability, 4), 0.9999) as decimal(5, 4)) as score,
    evidence
from ranked
where outcome = 'link' or (outcome = 'review' and candidate_rank <= 3)
