with

landed as (
    select * from {{ source('core', 'employee') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_row_per_key('landed', ['legal_entity_code', 'employee_id']) }}
)

select
    legal_entity_code,
    employee_id,
    employee_name,
    login,
    role,
    branch_code,
    team_code,
    id_number_key,
    id_number_masked,
    id_number_is_valid,
    id_number_birth_date,
    id_number_gender,
    phone_key,
    phone_masked,
    hire_date,
    leave_date,
    business_date,
    batch_id,
    source_row
from standing
where is_deleted is not true
