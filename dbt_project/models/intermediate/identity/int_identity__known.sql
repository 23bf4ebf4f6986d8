with

records as (
    select * from {{ ref('int_identity__record') }}
),

linked as (
    select * from {{ ref('int_identity__linked') }}
)

select
    records.legal_entity_code,
    records.source_table,
    records.source_key,
    coalesce(linked.customer_id, linked.own_id) as customer_id,
    records.name_key,
    records.sound_key,
    records.shape_key,
    records.letters_key,
    records.phone_key,
    if(linked.method = 'id_number', [records.id_number_key], list_value()) as id_keys,
    records.birth_date,
    records.village_code
from records
inner join linked
    on
        records.legal_entity_code = linked.legal_entity_code
        and records.source_table = linked.source_table
        and records.source_key = linked.source_key
where linked.method = 'id_number' or (linked.is_doubtful and linked.source_table = 'core.customer')
