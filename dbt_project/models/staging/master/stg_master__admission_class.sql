with

landed as (
    select * from {{ source('master', 'admission_class') }}
    where business_date <= {{ business_date() }}
),

standing as (
    {{ latest_delivery('landed') }}
)

select
    legal_entity_code,
    admission_class,
    admission_class_name,
    employer_category,
    business_date,
    batch_id,
    source_row
from standing
