with

records as (
    select * from {{ ref('int_identity__record') }}
),

linked as (
    select * from {{ ref('int_identity__linked') }}
    where is_doubtful
)

select
    records.legal_entity_code,
    records.source_table || '|' || records.source_key as unique_id,
    records.source_table,
    records.source_key,
    records.own_id as customer_id,
    records.name_key,
    records.sound_key,
    records.shape_key,
    records.letters_key,
    records.phone_key,
    coalesce(records.repair_keys, []) as id_keys,
    records.birth_date,
    records.village_code,
    [records.source_table] as source_tables
from records
inner join linked
    on
        records.legal_entity_code = linked.legal_entity_code
        and records.source_table = linked.source_table
        and records.source_key = linked.source_key
