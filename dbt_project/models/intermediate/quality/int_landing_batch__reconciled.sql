with

batches as (
    select * from {{ ref('stg_ledger__landing_batch') }}
),

rejects as (
    select * from {{ ref('stg_ledger__landing_reject') }}
),

tables as (
    select * from {{ ref('int_landed_table__named') }}
),

columns as (
    select * from {{ ref('int_landed_column__named') }}
)

select
    batches.business_date,
    batches.legal_entity_code,
    batches.source,
    coalesce(tables.source_name, batches.source) as source_name,
    batches.table_name,
    coalesce(tables.table_label, batches.table_name) as table_label,
    coalesce(tables.table_title, batches.source || ' ' || batches.table_name) as table_title,
    batches.status,
    batches.contract_version,
    case
        when json_array_length(batches.files) > 1
            then json_extract_string(batches.files, '$[0]') || ' 等' || json_array_length(batches.files) || '个文件'
        else json_extract_string(batches.files, '$[0]')
    end as files,
    batches.rows_in,
    batches.rows_landed,
    batches.rows_quarantined,
    batches.message,
    rejects.column_name,
    coalesce(columns.column_label, rejects.column_name) as column_label,
    rejects.reason,
    coalesce(rejects.rows_rejected, 0) as rows_rejected
from batches
left join rejects
    on
        batches.legal_entity_code = rejects.legal_entity_code
        and batches.source = rejects.source
        and batches.table_name = rejects.table_name
        and batches.business_date = rejects.business_date
left join tables
    on
        batches.source = tables.source
        and batches.table_name = tables.table_name
left join columns
    on
        rejects.source = columns.source
        and rejects.table_name = columns.table_name
        and rejects.column_name = columns.column_name
