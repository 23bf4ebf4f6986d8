with

landed as (
    select * from {{ source('acquiring', 'merchant') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'merchant_id']) }}
)

select
    legal_entity_code,
    merchant_id,
    merchant_name,
    mcc,
    customer_id,
    settlement_account_key,
    settlement_account_masked,
    credit_code,
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
    market_code,
    village_code,
    latitude,
    longitude,
    branch_code,
    signed_date,
    status,
    updated_at,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
