with

landed as not materialized (
    select * from {{ source('credit', 'application_event') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ first_row_per_key('landed', ['legal_entity_code', 'application_id', 'stage']) }}
)

select
    legal_entity_code,
    application_id,
    customer_id,
    id_number_key,
    id_number_masked,
    id_number_is_valid,
    id_number_birth_date,
    id_number_gender,
    product_code,
    stage,
    event_time,
    channel,
    branch_code,
    manager_id,
    list_code,
    application_amount,
    referrer_customer_id,
    business_date,
    batch_id,
    source_row
from standing
