with

deliveries as (
    select * from {{ ref('int_landing_batch__timed') }}
)

select
    business_date,
    legal_entity_code,
    source,
    source_name,
    table_name,
    table_label,
    table_title,
    is_due,
    deadline_hours,
    hours_after_close,
    delivery_status,
    case delivery_status
        when 'on_time' then '● 按时'
        when 'late' then '▲ 迟到'
        when 'missing' then '✘ 缺失'
        when 'refused' then '■ 拒收'
    end || case when version > 1 then ' 第' || version || '版' else '' end as delivery_status_name,
    business_date > {{ business_date() }} - 14 as is_recent,
    version,
    rows_in,
    rows_quarantined
from deliveries
