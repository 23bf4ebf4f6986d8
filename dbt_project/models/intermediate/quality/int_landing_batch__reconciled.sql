{#- Chinese names of sources and tables stand in the staging YAML, which is written from the contracts. -#}
{%- set named = landed_table_names() -%}

with

batches as (
    select * from {{ ref('stg_ledger__landing_batch') }}
),

rejects as (
    select * from {{ ref('stg_ledger__landing_reject') }}
),

names (source, table_name, source_name, table_label) as (
    values
    {%- for source, table, source_label, table_label in named %}
    (
        {{ sql_text(source) }},
        {{ sql_text(table) }},
        {{ sql_text(source_label) }},
        {{ sql_text(table_label) }}
    ),
    {%- endfor %}
    (null, null, null, null)
)

select
    batches.business_date,
    batches.legal_entity_code,
    batches.source,
    coalesce(names.source_name, batches.source) as source_name,
    batches.table_name,
    coalesce(names.table_label, batches.table_name) as table_label,
    batches.status,
    batches.rows_in,
    batches.rows_landed,
    batches.rows_quarantined,
    batches.message,
    rejects.column_name,
    rejects.reason,
    coalesce(rejects.rows_rejected, 0) as rows_rejected
from batches
left join rejects
    on
        batches.legal_entity_code = rejects.legal_entity_code
        and batches.source = rejects.source
        and batches.table_name = rejects.table_name
        and batches.business_date = rejects.business_date
left join names
    on
        batches.source = names.source
        and batches.table_name = names.table_name
