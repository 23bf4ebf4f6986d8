with

steps (step_code, step_name, step_order) as (
    values
    ('start', '符合条件', 0),
    ('opted_out', '客户拒绝该渠道营销', 1),
    ('not_authorised', '无该渠道营销授权', 2),
    ('minor', '未成年人', 3),
    ('deceased', '已故', 4),
    ('staff', '本行员工', 5),
    ('overdue_or_below_pass', '逾期或五级分类低于正常', 6),
    ('grey_black', '灰黑名单', 7),
    ('contacted_recently', '近期已触达', 8),
    ('holdout', '对照组', 9),
    ('over_capacity', '未派发:超出客户经理承接能力', 10),
    ('delivered', '派发', 11)
)

select
    step_code,
    step_name,
    step_order
from steps
