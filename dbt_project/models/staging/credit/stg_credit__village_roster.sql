with

landed as (
    select * from {{ source('credit', 'village_roster') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'village_code', 'household_no', 'member_no']) }}
)

select
    legal_entity_code,
    village_code,
    household_no,
    member_no,
    group_name,
    relation,
    name_key,
    name_masked,
    name_sound_key,
    name_shape_key,
    name_letters_key,
    id_number_key,
    id_number_masked,
    id_number_is_valid,
    id_number_birth_date,
    id_number_gender,
    id_number_repair_keys,
    phone_key,
    phone_masked,
    filed_date,
    evaluated_date,
    evaluation,
    entity_type,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
