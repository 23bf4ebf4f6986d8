with

batches as (
    select * from {{ ref('int_landing_batch__reconciled') }}
)

select
    business_date,
    legal_entity_code,
    source,
    source_name,
    table_name,
    table_label,
    table_title,
    status,
    contract_version,
    files,
    rows_in,
    rows_landed,
    rows_quarantined,
    column_name,
    column_label,
    reason,
    case reason
        when 'encoding' then '编码错误'
        when 'field_count' then '列数不符'
        when 'formula_error' then '公式错误'
        when 'digits_lost' then '数字位数丢失'
        when 'type' then '类型错误'
        when 'required' then '必填项为空'
        when 'accepted' then '取值不在范围内'
        when 'duplicate_key' then '主键重复'
        when 'legal_basis' then '缺少合法依据'
        else reason
    end as reason_name,
    rows_rejected > 0 as is_rejected,
    rows_rejected,
    case when rows_in > 0 then rows_rejected / rows_in end as rejected_share,
    message
from batches
