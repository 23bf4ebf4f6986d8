with

measures as (
    select * from {{ ref('stg_ledger__gate_measure') }}
),

tables as (
    select * from {{ ref('int_landed_table__named') }}
),

columns as (
    select * from {{ ref('int_landed_column__named') }}
),

batches as (
    select * from {{ ref('stg_ledger__landing_batch') }}
),

kinds (measure, measure_name) as (
    values
    ('volume', '行数'),
    ('quarantine_share', '隔离占比'),
    ('null_share', '空值率'),
    ('code_share', '代码占比'),
    ('invalid_share', '证件号校验不通过占比'),
    ('missing_share', '引用不存在占比'),
    ('repeated_keys', '重复流水占比'),
    ('event_age', '最新业务距业务日期(天)'),
    ('late', '到达(业务日结束后小时)')
)

select
    measures.business_date,
    measures.legal_entity_code,
    measures.source,
    coalesce(tables.source_name, measures.source) as source_name,
    measures.table_name,
    coalesce(tables.table_label, measures.table_name) as table_label,
    coalesce(tables.table_title, measures.source || ' ' || measures.table_name) as table_title,
    measures.measure,
    coalesce(kinds.measure_name, measures.measure) as measure_name,
    measures.column_name,
    coalesce(columns.column_label, nullif(measures.column_name, ''), '—') as column_label,
    measures.code,
    batches.rows_in,
    round(measures.value, 4) as value,
    round(measures.lower_bound, 4) as lower_bound,
    round(measures.upper_bound, 4) as upper_bound,
    coalesce(measures.value < measures.lower_bound, false)
    or coalesce(measures.value > measures.upper_bound, false) as is_outside
from measures
left join batches
    on
        measures.source = batches.source
        and measures.table_name = batches.table_name
        and measures.business_date = batches.business_date
left join kinds
    on measures.measure = kinds.measure
left join tables
    on
        measures.source = tables.source
        and measures.table_name = tables.table_name
left join columns
    on
        measures.source = columns.source
        and measures.table_name = columns.table_name
        and measures.column_name = columns.column_name
