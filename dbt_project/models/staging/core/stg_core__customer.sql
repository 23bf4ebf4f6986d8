with

landed as (
    select * from {{ source('core', 'customer') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'customer_id']) }}
)

select
    legal_entity_code,
    customer_id,
    customer_type,
    name_key,
    name_masked,
    name_sound_key,
    name_shape_key,
    name_letters_key,
    id_type,
    id_number_key,
    id_number_masked,
    id_number_is_valid,
    id_number_birth_date,
    id_number_gender,
    id_number_repair_keys,
    credit_code,
    birth_date,
    gender,
    phone_key,
    phone_masked,
    address_key,
    address_masked,
    village_code,
    employer_credit_code,
    open_date,
    branch_code,
    manager_id,
    is_staff,
    is_deceased,
    risk_list,
    status,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
