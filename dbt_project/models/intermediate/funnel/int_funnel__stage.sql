with

stages (stage_code, stage_name, stage_order) as (
    values
    ('reached', '触达', 1),
    ('acquired', '获客', 2),
    ('filed', '建档', 3),
    ('evaluated', '评议', 4),
    ('whitelisted', '白名单', 5),
    ('applied', '申请', 6),
    ('investigated', '调查', 7),
    ('analysed', '审贷分析', 8),
    ('approved', '授信审批', 9),
    ('signed', '签约', 10),
    ('first_draw', '首次用信', 11),
    ('repeat_draw', '复用信', 12),
    ('effective_draw', '有效用信', 13),
    ('settled', '结清', 14),
    ('overdue', '逾期', 15)
)

select
    stage_code,
    stage_name,
    stage_order
from stages
