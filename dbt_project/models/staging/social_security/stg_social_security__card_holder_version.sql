with

landed as (
    select * from {{ source('social_security', 'card_holder') }}
    where business_date <= {{ business_date() }}
)

select
    legal_entity_code,
    card_number_key,
    card_number_masked,
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
    village_code,
    issuing_bank,
    issue_date,
    status,
    last_used_date,
    business_date,
    batch_id,
    source_row,
    coalesce(is_deleted, false) as is_deleted
from landed
