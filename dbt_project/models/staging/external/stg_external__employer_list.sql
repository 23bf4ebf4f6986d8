with

landed as (
    select * from {{ source('external', 'employer_list') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'employer_credit_code', 'id_number_key']) }}
)

select
    legal_entity_code,
    employer_credit_code,
    employer_name,
    employer_category,
    admission_class,
    id_number_key,
    id_number_masked,
    id_number_is_valid,
    id_number_birth_date,
    id_number_gender,
    name_key,
    name_masked,
    basis_source,
    legal_basis,
    basis_purpose,
    basis_expiry,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
