with

-- The eight process stages of S4, and the refusal that ends some applications.
stages (stage_code, stage_name, stage_order) as (
    values
    ('marketing', '营销', 1),
    ('accepted', '受理', 2),
    ('investigated', '调查', 3),
    ('analysed', '审贷分析', 4),
    ('approved', '审批', 5),
    ('rejected', '否决', 6),
    ('disbursed', '拨付', 7),
    ('post_loan', '贷后', 8),
    ('collection', '清收', 9)
)

select
    stage_code,
    stage_name,
    stage_order
from stages
