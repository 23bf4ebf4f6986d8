with

expiring as (
    select * from {{ ref('int_legal_basis__expiring') }}
)

select
    business_date,
    legal_entity_code,
    right_kind,
    source,
    source_name,
    table_name,
    table_label,
    table_title,
    basis_source,
    legal_basis,
    purpose,
    channel,
    expiry_date,
    days_left,
    rows_held
from expiring
