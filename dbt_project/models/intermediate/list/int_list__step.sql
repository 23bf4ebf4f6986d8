with

steps (step_code, step_name, step_order) as (
    values
    ('start', '符合条件', 0),
    ('not_in_force', '名单或材料已到期', 1),
    ('opted_out', '客户拒绝该渠道营销', 2),
    ('not_authorised', '无该渠道营销授权', 3),
    ('minor', '未成年人', 4),
    ('deceased', '已故', 5),
    ('staff', '本行员工', 6),
    ('overdue_or_below_pass', '逾期或五级分类低于正常', 7),
    ('grey_black', '灰黑名单', 8),
    ('no_contact', '无联系电话', 9),
    ('on_this_list', '已在本名单跟进中', 10),
    ('contacted_recently', '近期已触达', 11),
    ('on_other_list', '正由其他名单跟进', 12),
    ('frequency_cap', '近期入选次数已满', 13),
    ('not_due', '本期已取数,下期再取', 14),
    ('on_higher_list', '入选更优先的名单', 15),
    ('no_manager', '未派发:无客户经理可承接', 16),
    ('over_capacity', '未派发:超出客户经理承接能力', 17),
    ('holdout', '对照组', 18),
    ('delivered', '派发', 19),
    ('batch_rejected', '批次未获批准', null),
    ('batch_expired', '批次逾期未审批', null),
    ('converted', '已达成目标', null),
    ('worked', '已触达并反馈结果', null),
    ('manager_left', '客户经理已离岗', null),
    ('expired', '有效期已过', null),
    ('not_eligible', '不再符合名单条件', null)
)

select
    step_code,
    step_name,
    step_order
from steps
