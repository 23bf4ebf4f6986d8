{#- What each kind of check of gate 1 is called, and what to do when it fails (expectations/landing.py). -#}
with

results as (
    select
        *,
        split_part(subject, '.', 1) as source,
        split_part(subject, '.', 2) as table_name,
        split_part(expectation, ':', 1) as check_code,
        -- `quarantine_any:warning`: a kind that is worth more or less for some tables of its source.
        case
            when split_part(expectation, ':', 2) not in ('', 'critical', 'warning') then split_part(expectation, ':', 2)
        end as column_name
    from {{ ref('stg_ledger__gate_result') }}
),

tables as (
    select * from {{ ref('int_landed_table__named') }}
),

columns as (
    select * from {{ ref('int_landed_column__named') }}
),

sources as (
    select distinct
        source,
        source_name
    from tables
),

checks (check_code, check_name, advice) as (
    values
    ('columns', '字段与契约一致', '核对来源表结构是否变更，修订契约或请来源按约定重发'),
    ('required', '必填项不为空', '请来源补齐后重发'),
    ('accepted', '取值在契约范围内', '确认新代码的含义，修订映射或契约后重新落地'),
    ('key_unique', '主键不重复', '请来源去重后重发'),
    ('not_in_future', '日期不晚于业务日期', '核对来源系统日期后重发'),
    ('legal_basis', '合法依据有效', '补齐来源、依据、用途和有效期后重新落地'),
    ('row_count', '全量数据不为空', '向来源确认是否应为空，错发则重发'),
    ('references', '引用的记录存在', '核对被引用的表是否到齐，缺少的由来源补发'),
    ('raw_identifier', '自由文本不含证件号和手机号', '通知录入部门改正，今后不在备注中填写'),
    ('due', '应到数据已落地', '催来源补送，到齐后重新落地'),
    ('reconciliation', '来源、落地、隔离行数相符', '重新落地该批，仍不符时转数据工程'),
    ('quarantine_limit', '隔离占比在限度内', '按隔离原因修复后释放，或请来源重发'),
    ('quarantine_any', '没有隔离行', '查看隔离原因，修复后释放'),
    ('late', '文件按约定时间到达', '与来源核对批量时间，经常迟到时调整约定'),
    ('event_age', '最新业务日期不过旧', '向来源确认是否漏送近日数据'),
    ('repeated_keys', '流水不与以往批次重复', '向来源确认是否重送，入库只取首次'),
    ('volume', '行数在正常范围内', '向来源确认是否截断或重复'),
    ('null_share', '空值率在正常范围内', '核对来源字段是否停填，或映射是否失效'),
    ('code_share', '代码占比在正常范围内', '确认业务是否有变，或来源代码是否改义'),
    ('invalid_share', '证件号校验通过率正常', '向来源确认证件号是否被截断或改写')
)

select
    results.business_date,
    results.legal_entity_code,
    results.source,
    coalesce(sources.source_name, results.source) as source_name,
    results.subject,
    results.table_name,
    coalesce(tables.table_label, '各表') as table_label,
    coalesce(tables.table_title, coalesce(sources.source_name, results.source) || ' 各表') as table_title,
    results.expectation,
    results.check_code,
    coalesce(checks.check_name, results.check_code) as check_name,
    results.column_name,
    coalesce(columns.column_label, results.column_name, '—') as column_label,
    results.severity,
    results.is_passed,
    case
        when results.is_passed then 'passed'
        when results.observed = 'crashed' then 'crashed'
        else results.severity
    end as check_outcome,
    case
        when results.observed = 'crashed' then '检查出错'
        else replace(replace(replace(results.observed, ' of ', ' / '), ' rows', ' 行'), ' columns', ' 列')
    end as observed,
    checks.advice
from results
left join sources
    on results.source = sources.source
left join tables
    on
        results.source = tables.source
        and results.table_name = tables.table_name
left join columns
    on
        results.source = columns.source
        and results.table_name = columns.table_name
        and results.column_name = columns.column_name
left join checks
    on results.check_code = checks.check_code
