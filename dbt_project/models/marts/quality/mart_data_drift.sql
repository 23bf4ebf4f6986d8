with

drift as (
    select * from {{ ref('int_landing_drift__named') }}
)

select
    business_date,
    legal_entity_code,
    source,
    source_name,
    table_name,
    table_label,
    table_title,
    column_name,
    change,
    case change
        when 'added' then '新增字段'
        when 'removed' then '缺少字段'
        when 'reordered' then '顺序变动'
        else change
    end as change_name,
    case change
        when 'added' then '需要时在契约中加为可空字段并升版本'
        when 'removed' then '向来源确认，必填的缺少会拒收'
        when 'reordered' then '按字段名读取，无需处理'
    end as advice
from drift
