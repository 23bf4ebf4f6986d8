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
    coalesce(basis_source, '客户本人') as basis_source,
    coalesce(legal_basis, '客户授权书') as legal_basis,
    purpose,
    coalesce(channel, 'all') as channel,
    expiry_date,
    days_left,
    rows_held
from expiring
