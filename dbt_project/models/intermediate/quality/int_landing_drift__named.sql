with

drift as (
    select * from {{ ref('stg_ledger__landing_drift') }}
),

tables as (
    select * from {{ ref('int_landed_table__named') }}
)

select
    drift.business_date,
    drift.legal_entity_code,
    drift.source,
    coalesce(tables.source_name, drift.source) as source_name,
    drift.table_name,
    coalesce(tables.table_label, drift.table_name) as table_label,
    coalesce(tables.table_title, drift.source || ' ' || drift.table_name) as table_title,
    drift.column_name,
    drift.change
from drift
left join tables
    on
        drift.source = tables.source
        and drift.table_name = tables.table_name
