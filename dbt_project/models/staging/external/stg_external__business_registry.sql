with

landed as (
    select * from {{ source('external', 'business_registry') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'credit_code']) }}
)

select
    legal_entity_code,
    credit_code,
    entity_name,
    entity_kind,
    industry_code,
    special_industry_code,
    legal_person_name_key,
    legal_person_name_masked,
    legal_person_name_sound_key,
    legal_person_name_shape_key,
    legal_person_name_letters_key,
    legal_person_id_number_key,
    legal_person_id_number_masked,
    legal_person_id_number_is_valid,
    legal_person_id_number_birth_date,
    legal_person_id_number_gender,
    legal_person_id_number_repair_keys,
    legal_person_phone_key,
    legal_person_phone_masked,
    registered_address,
    village_code,
    registered_date,
    registered_capital,
    status,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
