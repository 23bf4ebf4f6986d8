with

linked as (
    select * from {{ ref('int_identity__linked') }}
),

chosen as (
    select * from {{ ref('int_identity__chosen') }}
    where outcome = 'link'
),

decided as (
    select * from {{ ref('int_identity__decided') }}
    where decision = 'reject'
),

targeted as (
    select
        linked.legal_entity_code,
        linked.source_table,
        linked.source_key,
        linked.own_id,
        coalesce(linked.customer_id, chosen.customer_id) as target_id,
        case when chosen.customer_id is not null then 'splink' else linked.method end as method,
        case
            when linked.method in ('credit_code', 'id_number', 'reviewed') then 1
            when linked.method = 'id_repaired' then 0.95
            when linked.method = 'phone_name' then 0.9
            when linked.method = 'doubtful_id_name' then 0.8
            else chosen.score
        end as score,
        coalesce(linked.evidence, chosen.evidence) as evidence
    from linked
    left join chosen
        on
            linked.legal_entity_code = chosen.legal_entity_code
            and linked.source_table = chosen.source_table
            and linked.source_key = chosen.source_key
),

-- A record that joins a person takes along those that had joined the record.
joined as (
    select
        legal_entity_code,
        own_id,
        min(target_id) as target_id
    from targeted
    where target_id <> own_id
    group by legal_entity_code, own_id
    having count(distinct target_id) = 1
),

-- Of two that reviewers joined to one another the smaller id stays.
steps as (
    select joined.*
    from joined
    left join joined as back
        on
            joined.legal_entity_code = back.legal_entity_code
            and joined.target_id = back.own_id
            and joined.own_id = back.target_id
    where back.own_id is null or joined.target_id < joined.own_id
),

followed as (
    select
        targeted.* exclude (target_id),
        coalesce(second_steps.target_id, first_steps.target_id, targeted.target_id) as target_id
    from targeted
    left join steps as first_steps
        on
            targeted.legal_entity_code = first_steps.legal_entity_code
            and targeted.target_id = first_steps.own_id
    left join steps as second_steps
        on
            first_steps.legal_entity_code = second_steps.legal_entity_code
            and first_steps.target_id = second_steps.own_id
),

-- A refusal may name the person by an id that has since joined another.
refused as (
    select
        decided.legal_entity_code,
        decided.source_table,
        decided.source_key,
        unnest([decided.customer_id, steps.target_id]) as customer_id
    from decided
    left join steps
        on
            decided.legal_entity_code = steps.legal_entity_code
            and decided.customer_id = steps.own_id
),

refused_pairs as (
    select distinct * from refused
    where customer_id is not null
),

refused_records as (
    select distinct
        legal_entity_code,
        source_table,
        source_key
    from decided
),

settled as (
    select
        followed.* exclude (target_id),
        if(refused_pairs.customer_id is null or followed.method = 'reviewed', followed.target_id, null) as target_id,
        refused_records.source_key is not null as is_refused
    from followed
    left join refused_pairs
        on
            followed.legal_entity_code = refused_pairs.legal_entity_code
            and followed.source_table = refused_pairs.source_table
            and followed.source_key = refused_pairs.source_key
            and followed.target_id = refused_pairs.customer_id
    left join refused_records
        on
            followed.legal_entity_code = refused_records.legal_entity_code
            and followed.source_table = refused_records.source_table
            and followed.source_key = refused_records.source_key
)

select
    legal_entity_code,
    source_table,
    source_key,
    coalesce(target_id, own_id) as customer_id,
    case
        when target_id is not null then method
        when source_table = 'core.customer' then 'core_number'
        else 'unlinked'
    end as method,
    cast(case
        when target_id is not null then score
        when source_table = 'core.customer' then 1
        else 0
    end as decimal(5, 4)) as score,
    case
        when target_id is not null then evidence
        when is_refused then '人工复核否决'
        when source_table = 'core.customer' then '核心客户号'
    end as evidence
from settled
