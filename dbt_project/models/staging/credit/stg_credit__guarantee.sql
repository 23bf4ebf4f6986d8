with

landed as (
    select * from {{ source('credit', 'guarantee') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'guarantee_id']) }}
)

select
    legal_entity_code,
    guarantee_id,
    credit_line_id,
    guarantor_name_key,
    guarantor_name_masked,
    guarantor_id_number_key,
    guarantor_id_number_masked,
    guarantor_id_number_is_valid,
    guarantor_id_number_birth_date,
    guarantor_id_number_gender,
    guarantee_amount,
    start_date,
    end_date,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
