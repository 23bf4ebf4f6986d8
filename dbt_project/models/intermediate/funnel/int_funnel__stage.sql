with

-- On the path: a step forward, whose speed is measured against the step before.
stages (stage_code, stage_name, stage_order, is_on_path, is_cohort, is_conversion) as (
    values
    ('reached', '触达', 1, true, true, false),
    ('acquired', '获客', 2, true, true, false),
    ('filed', '建档', 3, true, true, false),
    ('evaluated', '评议', 4, true, true, false),
    ('whitelisted', '白名单', 5, true, true, false),
    ('applied', '申请', 6, true, true, true),
    ('investigated', '调查', 7, true, false, false),
    ('analysed', '审贷分析', 8, true, false, false),
    ('approved', '授信审批', 9, true, true, true),
    ('rejected', '否决', 10, false, false, false),
    ('signed', '签约', 11, true, true, true),
    ('first_draw', '首次用信', 12, true, true, true),
    ('repeat_draw', '复用信', 13, true, false, false),
    ('effective_draw', '有效用信', 14, true, false, true),
    ('post_loan', '贷后', 15, false, false, false),
    ('settled', '结清', 16, true, false, false),
    ('overdue', '逾期', 17, false, false, false),
    ('collection', '清收', 18, false, false, false)
)

select
    stage_code,
    stage_name,
    stage_order,
    is_on_path,
    is_cohort,
    is_conversion
from stages
