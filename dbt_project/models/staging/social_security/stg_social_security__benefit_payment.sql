with

landed as not materialized (
    select * from {{ source('social_security', 'benefit_payment') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'id_number_key', 'benefit_type', 'benefit_month']) }}
)

select
    legal_entity_code,
    id_number_key,
    id_number_masked,
    id_number_is_valid,
    id_number_birth_date,
    id_number_gender,
    id_number_repair_keys,
    name_key,
    name_masked,
    name_sound_key,
    name_shape_key,
    name_letters_key,
    benefit_type,
    benefit_month,
    amount,
    business_date,
    batch_id,
    source_row
from standing
