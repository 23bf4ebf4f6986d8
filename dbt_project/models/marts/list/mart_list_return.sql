with

returned as (
    select * from {{ ref('int_list__returned') }}
),

definitions as (
    select * from {{ ref('int_list__definition') }}
),

branches as (
    select * from {{ ref('dim_branch') }}
),

managers as (
    select * from {{ ref('dim_manager') }}
),

statuses (return_status, status_text) as (
    values
    ('counted', '计入'),
    ('late', '计入:超过有效期'),
    ('removed', '计入:名单已移除该客户'),
    ('control', '计入:对照组客户被触达,影响增量测算'),
    ('superseded', '不计入:同一客户有更新或更强的回填'),
    ('unknown_row', '不计入:名单行号不存在'),
    ('other_batch', '不计入:名单批次与行号不符'),
    ('other_customer', '不计入:客户号与名单不符'),
    ('in_future', '不计入:触达时间晚于回填日期'),
    ('before_listed', '不计入:触达时间早于派发日期')
)

select
    {{ business_date() }} as business_date,
    returned.legal_entity_code,
    returned.row_id,
    returned.batch_id,
    returned.list_code,
    definitions.list_name,
    returned.core_customer_id,
    returned.branch_code,
    branches.branch_name,
    returned.manager_id,
    managers.manager_name,
    returned.recipient,
    returned.contacted_at,
    returned.channel,
    returned.outcome as contact_outcome,
    returned.returned_date,
    returned.return_status,
    statuses.status_text,
    returned.is_contact
from returned
inner join statuses on returned.return_status = statuses.return_status
left join definitions
    on
        returned.legal_entity_code = definitions.legal_entity_code
        and returned.list_code = definitions.list_code
left join branches
    on
        returned.legal_entity_code = branches.legal_entity_code
        and returned.branch_code = branches.branch_code
left join managers
    on
        returned.legal_entity_code = managers.legal_entity_code
        and returned.manager_id = managers.manager_id
