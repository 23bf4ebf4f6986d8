# ruff: noqa: E501 - tables read better wide
"""A small published bank made by hand: two branches, with the columns that the manifest describes."""

import json
from datetime import date
from pathlib import Path

import duckdb

from ingestion.bank import Bank
from qianmo.home import BankHome

LAST_DAY = date(2026, 9, 30)

BRANCHES = """
create or replace temp table branches as
select * from (values ('B01', '戴南支行', 60), ('B02', '安丰支行', 30), ('B03', '昭阳支行', 45)) as t(branch_code, branch_name, size);
create or replace temp table days as select unnest([date '2026-09-28', date '2026-09-29', date '2026-09-30']) as business_date;
create or replace temp table managers as
select branch_code || 'M' || i as manager_id, '客户经理' || branch_code || i as manager_name, branch_code, branch_name, size, i
from branches, range(1, 4) as t(i);
create or replace temp table targeted as
select 'manager' as organisation_level, manager_id as organisation_code, manager_name as organisation_name, branch_code, manager_id, 1.0 as weight
from managers
union all select 'branch', branch_code, branch_name, branch_code, null, 3.0 from branches
union all select 'bank', '321281', '示范农商银行', null, null, 9.0;
create or replace temp table measures as
select * from (values ('deposits', '存款余额', 'amount'), ('outstanding', '贷款余额', 'amount'), ('visits', '走访次数', 'count'),
  ('new_customers', '新增客户数', 'count'), ('contacts', '触达次数', 'count'), ('applications', '新增申请笔数', 'count'),
  ('new_credited', '新增授信户数', 'count'), ('new_drawn', '新增用信户数', 'count'), ('disbursed_amount', '贷款投放额', 'amount'))
  as t(measure_code, measure_name, unit);
create or replace temp table tags as
select * from (values ('credited_not_drawn', '已授信未用信', 'credit', '信贷周期'), ('not_authorised', '无营销授权', 'suppression', '营销抑制'),
  ('credit_card', '信用卡客户', 'product', '产品与价值')) as t(tag_code, tag_name, tag_family, family_name);
create or replace temp table lists as
select * from (values ('credited_not_drawn', '已授信未用信', '惠民贷'), ('good_neighbour', '好邻居', '聚合收款码'),
  ('loan_maturing', '贷款到期', '续贷')) as t(list_code, list_name, product_name);
"""

QUERIES = {
    "dim_user_scope": """
        select 'head_office' as login, 'head_office' as role, cast(null as varchar) as branch_code,
          cast(null as varchar) as manager_id
        union all select 'risk', 'risk', null, null
        union all select lower(branch_code), 'branch_head', branch_code, null from branches
        union all select lower(manager_id), 'manager', branch_code, manager_id from managers
        """,
    "mart_marketing_list": """
        select business_date, list_code, list_name, list_code || '-' || strftime(business_date, '%Y%m%d') as batch_id,
          'P' || md5(branch_code || n) as customer_id, 'C' || n as core_customer_id, '王**' as name_masked,
          '138****' || lpad(n::varchar, 4, '0') as phone_masked, branch_code, branch_name, manager_id, manager_name,
          branch_name || '村' || n % 4 as grid_name, ['urban', 'suburban', 'rural'][1 + n % 3] as market_type,
          ['餐饮业', '零售业', '农资业', null][1 + n % 4] as segment_name, product_name,
          ['phone', 'visit', 'sms'][1 + n % 3] as channel, n as list_rank, 100.0 - n as score,
          '额度12.0万元未使用，近90天流入3.4万元' as reason, '上门核实用款需求，推荐随借随还' as playbook,
          n % 10 = 0 as is_holdout, date '2026-10-31' as valid_until, md5(list_code || branch_code || n) as row_id,
          date '2026-09-28' as listed_date, if(business_date = date '2026-09-28', 'new', 'open') as listing_state,
          ['approved', 'proposed'][1 + n % 2] as batch_state
        from days, lists, managers, range(1, size // 3 + 1) as t(n)
        """,
    "mart_list_removal": """
        select business_date, list_code, list_name, list_code || '-20260928' as batch_id, 'approved' as batch_state,
          md5(list_code || branch_code || n) as row_id, 'P' || md5(branch_code || n) as customer_id,
          'C' || n as core_customer_id, '王**' as name_masked, branch_code, branch_name, manager_id, manager_name,
          'phone' as channel, n % 10 = 0 as is_holdout, date '2026-09-28' as listed_date,
          date '2026-10-31' as valid_until, 'worked' as close_reason, '已触达并反馈结果' as close_reason_name
        from days, lists, managers, range(1, 3) as t(n)
        """,
    "mart_list_waterfall": """
        select business_date, list_code, list_name, true as is_due, branch_code, branch_name, step_order, step_code,
          step_name, case when step_order in (0, 9) then 0 else size // 10 end as removed,
          size * 2 - (size // 10) * least(step_order, 8) as remaining
        from days, lists, branches, (values (0, 'start', '符合条件'), (1, 'opted_out', '退订'), (2, 'not_authorised', '未授权'),
          (3, 'minor', '未成年'), (4, 'deceased', '已故'), (5, 'staff', '本行员工'), (6, 'overdue_or_below_pass', '逾期或不良'),
          (7, 'grey_black', '灰黑名单'), (8, 'holdout', '对照组'), (9, 'delivered', '派发')) as t(step_order, step_code, step_name)
        """,
    "mart_list_dispatch": """
        select business_date, branch_code, branch_name, manager_id, manager_name, true as is_team, channel, 50 as capacity,
          10 + i as held, 5 as taken, 35 - i as places_left
        from days, managers, (values ('visit'), ('phone')) as t(channel)
        """,
    "mart_list_assignment": """
        select business_date, list_code, list_name, 2 as priority, branch_code, branch_name, assignment_result,
          assignment_result = 'own_manager' as is_served, size as candidates, size * 1000.0 as expected_amount
        from days, lists, branches, (values ('own_manager'), ('channel_full'), ('on_higher_list')) as t(assignment_result)
        """,
    "mart_list_model": """
        select date '2026-09-30' as business_date, list_code, list_name, 'credited' as outcome, 'rule' as scored_by,
          '按规则排序:留出期样本不足' as decision, 120 as candidates, 0.06 as mean_probability, 87 as past_rows, 5 as past_successes
        from lists
        """,
    "mart_list_model_feature": """
        select date '2026-09-30' as business_date, 1 as feature_order, 'relation_years' as feature_code, '往来年限长' as feature_name,
          '往来年限短' as opposite_name, '客户自己的履约经历' as allowed_because, 0 as tested_lists, 0 as ranked_lists, 'unknown' as drift_status
        """,
    "mart_list_fairness": """
        select date '2026-09-30' as business_date, list_code, list_name, 'gender' as group_kind, group_name, 40 as customers, 10 as served,
          0.25 as served_share, 1.0 as ratio_to_highest, 'even' as fairness_status
        from lists, (values ('男'), ('女')) as t(group_name)
        """,
    "mart_list_batch": """
        select business_date, list_code, list_name, list_code || '-' || strftime(business_date, '%Y%m%d') as batch_id,
          case when day(business_date) = 30 and list_code = 'loan_maturing' then 'rejected' else 'approved' end as batch_state,
          120 as listed_rows, 12 as holdout_rows, 3 as removed_rows, 12 as recipients, left(md5(list_code || day(business_date)), 12) as content_digest,
          strftime(business_date + interval 30 hour, '%Y-%m-%d %H:%M') as proposed_at,
          strftime(business_date + interval 102 hour, '%Y-%m-%d %H:%M') as expires_at, '张三' as decided_by,
          strftime(business_date + interval 33 hour, '%Y-%m-%d %H:%M') as decided_at, 'person' as decision, '—' as reason, 3.0 as waiting_hours,
          '交付目录' as delivery_target, date '2026-10-31' as expires_on
        from days, lists
        """,
    "mart_list_delivery": """
        select business_date, list_code, list_name, list_code || '-' || strftime(business_date, '%Y%m%d') as batch_id,
          list_code || '-' || strftime(business_date, '%Y%m%d') || '.' || kind || '.' || code as delivery_id, kind as recipient_type,
          code as recipient, name as recipient_name, branch_code, branch_name, 40 as open_rows, 12 as new_rows, 1 as removed_rows,
          left(md5(code || list_code || day(business_date)), 12) as content_digest, '交付目录' as delivery_target, date '2026-10-31' as expires_on,
          strftime(business_date + interval 33 hour, '%Y-%m-%d %H:%M') as delivered_at
        from days, lists, (select 'branch' as kind, branch_code as code, branch_name as name, branch_code, branch_name from branches
          union all select 'manager', manager_id, manager_name, branch_code, branch_name from managers) as recipients
        """,
    "mart_list_lift": """
        select business_date, origin, list_code, list_name, list_name || '·授信90天' || '(' || origin_name || ')' as series_name,
          'credited' as outcome_code, 90 as window_days, n = 1 as is_open, if(n = 1, 'always_valid', 'fixed') as interval_kind,
          0 as clusters, 900 * n as served_rows, 100 * n as control_rows, 60 * n as served_reached, 3 * n as control_reached,
          60 / 900 as served_rate, 0.03 as control_rate, 60 / 900 - 0.03 as lift, 60 / 900 - 0.03 - 0.04 / n as lift_low,
          60 / 900 - 0.03 + 0.04 / n as lift_high, 0.02 / n as lift_error, 0.03 as base_rate, 0.04 as expected_lift,
          2100.0 as required_rows, 0.4 as power, 5400.0 * n as contact_cost, 33.0 * n as incremental, 1e6 * n as incremental_amount,
          if(n = 1, null, 163.6) as cost_per_incremental, 1000 * n as enrolled_rows,
          ['watching', 'lift', 'too_few'][n] as lift_verdict, '-0.3 ~ +7.7(随时有效)' as interval_text
        from days, (select *, row_number() over (order by list_code) as n from lists),
          (values ('warehouse', '本行名单'), ('former', '原名单系统')) as t(origin, origin_name)
        """,
    "mart_list_batch_lift": """
        select date '2026-09-30' as business_date, 'warehouse' as origin, list_code, list_name, list_code || '-20260928' as batch_id,
          list_name || '-20260928' as batch_name, 'credited' as outcome_code, 90 as window_days, 900 as served_rows, 100 as control_rows, 0.03 as lift,
          'watching' as lift_verdict, '-0.3 ~ +7.7(随时有效)' as interval_text
        from lists
        """,
    "mart_list_outcome": """
        select date '2026-09-30' as business_date, 'warehouse' as origin, list_code, list_name, 'all' as batch_id,
          true as is_whole_list, 900 as served_rows, 600 as answered_rows, 400 as contacted_rows, 90 as interested_rows,
          40 as refused_rows, 60 as reached_rows, 600 / 900 as answer_rate, 400 / 900 as contact_rate
        from lists
        """,
    "mart_list_return": """
        select date '2026-09-30' as business_date, list_code || n as row_id, list_name, 'reached' as contact_outcome,
          ['计入', '不计入:客户号与名单不符'][1 + n % 2] as status_text
        from lists, range(1, 20) as t(n)
        """,
    "mart_funnel": """
        select business_date, stage_code, stage_name, stage_order, branch_code, branch_name, market_type,
          ['餐饮业', null][1 + stage_order % 2] as segment_name, ['online', 'offline'][1 + stage_order % 2] as channel,
          size * 10 // (stage_order + 1) + day(business_date) - 28 as customers, size * 120000.0 / (stage_order + 1) as amount,
          3.0 * stage_order as median_days_from_previous
        from days, branches, (values ('urban'), ('suburban'), ('rural')) as m(market_type),
          (values ('acquired', '获客', 2), ('filed', '建档', 3), ('evaluated', '评议', 4), ('whitelisted', '白名单', 5),
          ('approved', '授信审批', 9), ('signed', '签约', 10), ('first_draw', '首次用信', 11)) as t(stage_code, stage_name, stage_order)
        """,
    "mart_funnel_cohort": """
        select date '2026-09-30' as business_date, dimension, dimension_value, dimension_name, branch_code, period, cohort_name,
          from_stage_code, from_stage_code as from_stage_name, to_stage_code, to_stage_code as to_stage_name, horizon_name,
          weight as customers, weight // 3 as converted, 0.33 as conversion_rate
        from (select 'branch' as dimension, branch_code as dimension_value, branch_name as dimension_name, branch_code, size as weight
           from branches union all select 'bank', '321281', '示范农商银行', null, 135) as d,
          (values ('month', '2026-08'), ('month', '2026-09'), ('week', '2026-W39')) as p(period, cohort_name),
          (values ('reached', 'applied'), ('whitelisted', 'approved'), ('approved', 'first_draw')) as s(from_stage_code, to_stage_code),
          (values ('30天内'), ('至今')) as h(horizon_name)
        """,
    "mart_funnel_speed": """
        select date '2026-09-30' as business_date, dimension, dimension_value, dimension_name, branch_code, from_stage_code, to_stage_code,
          from_stage_code || '→' || to_stage_code as step_name, 30 as customers, 7.5 as median_days
        from (select 'branch' as dimension, branch_code as dimension_value, branch_name as dimension_name, branch_code
           from branches union all select 'bank', '321281', '示范农商银行', null) as d,
          (values ('applied', 'approved'), ('signed', 'first_draw')) as s(from_stage_code, to_stage_code)
        """,
    "mart_metric": """
        select business_date, metric_code, metric_name, 'ratio' as unit, dimension, dimension_value, dimension_name,
          numerator * weight as numerator, denominator * weight as denominator, numerator / denominator as value
        from days, (values ('drawdown_rate_evaluated', '用信率(评议口径)', 29.0, 84.0),
          ('drawdown_rate_credited', '用信率(授信口径)', 29.0, 42.7),
          ('drawdown_rate_amount', '用信率(金额口径)', 50.0, 110.0),
          ('drawdown_rate_effective', '有效用信率', 25.0, 42.7),
          ('visit_compliance', '拜访达标率(本期)', 24.0, 44.0), ('settlement_share', '结算占比', 6.0, 9.0),
          ('settlement_compliance', '结算达标率', 2.0, 6.0),
          ('credited_undrawn_share', '已授信未用信占比', 13.7, 84.0)) as t(metric_code, metric_name, numerator, denominator),
          (select 'branch' as dimension, branch_code as dimension_value, branch_name as dimension_name, size as weight
           from branches union all select 'bank', '321281', '示范农商银行', 135
           union all select 'market_type', 'urban', '城区', 50) as d
        """,
    "mart_metric_catalogue": """
        select '321281' as legal_entity_code, date '2026-09-30' as business_date, metric_code, metric_name, definition,
          '客户' as grain, 'ratio' as unit, false as is_additive, '普惠金融部' as owner, 29.0 as numerator, 84.0 as denominator,
          0.3452 as value, '34.52%' as value_shown, 'mart_customer_kpi' as detail_mart
        from (values ('drawdown_rate_evaluated', '用信率(评议口径)', '已用信户数 ÷ 已评议户数'),
          ('drawdown_rate_credited', '用信率(授信口径)', '已用信户数 ÷ 已授信户数')) as t(metric_code, metric_name, definition)
        """,
    "mart_customer_kpi": """
        select date '2026-09-30' as business_date, 'P' || md5(manager_id || n) as customer_id, 'C' || n as core_customer_id, '王**' as name_masked,
          'person' as customer_type, true as is_bank_customer, branch_code, branch_name, manager_id, manager_id as manager_code, manager_name,
          branch_name || '镇' as town_name, '第' || n || '村' as primary_grid_name, n % 2 = 0 as is_credited, n % 4 = 0 as is_drawn,
          10000.0 * n as deposit_balance, 6000.0 * n as settlement_balance, 12000.0 * n as aum, 50000.0 as credit_limit, 50000.0 as standing_limit,
          20000.0 as outstanding, 100.0 as overdue_amount, n % 5 = 0 as has_credit_card, false as has_bill_discount,
          false as has_international_settlement, false as has_cash_management, 'offline_credit' as portfolio_class
        from managers, range(1, 9) as t(n)
        """,
    "mart_kpi_change": """
        select business_date, business_date - 1 as previous_date, 'deposits' as metric_code, '存款余额' as metric_name, 'amount' as unit,
          'manager' as dimension, manager_id as dimension_value, manager_name as dimension_name, branch_code, branch_name, manager_id, manager_name,
          contribution, rows_changed, amount * size as amount
        from days, managers, (values ('yesterday', 0, 52000.0), ('new', 2, 900.0), ('lost', 1, -300.0), ('grown', 5, 400.0),
          ('manager_in', 1, 100.0), ('manager_out', 1, -100.0)) as t(contribution, rows_changed, amount)
        """,
    "mart_kpi_change_row": """
        select date '2026-09-30' as business_date, date '2026-09-29' as previous_date, 'deposits' as metric_code, '存款余额' as metric_name,
          'grown' as contribution, 'P' || md5(manager_id) as row_id, 'P' || md5(manager_id) as customer_id, 'C1' as core_customer_id,
          '王**' as name_masked, branch_code, branch_name, manager_id, manager_id as manager_code, manager_name, 100.0 as value_before,
          500.0 as value_now, 400.0 as amount
        from managers
        """,
    "mart_grid": """
        select business_date, branch_code || 'G' || i as grid_id, branch_name || '第' || i || '村' as grid_name,
          'entity' as grid_kind, 'village' as grid_type, ['urban', 'suburban', 'rural'][1 + i % 3] as market_type,
          '戴南镇' as town_name, branch_code, branch_name, branch_code || 'M1' as owner_id, '客户经理' || branch_code as owner_name,
          size * i as households, size * i * 3 as people, size * i - 5 as filed, size * i - 10 as evaluated,
          size * i // 2 as whitelisted, size * i // 3 as credited, size * i // 5 as drawn, i as merchants,
          size * i as customers, size * i * 52000.0 as deposits, size * i * 31000.0 as outstanding, 0.1 * i as penetration
        from days, branches, range(1, 6) as t(i)
        """,
    "mart_grid_rollup": """
        select business_date, 'town' as grid_level, 4 as level_order, 'G-' || branch_code as grid_id,
          branch_name || '镇' as grid_name, 'town' as grid_type, 'rural' as market_type, branch_code, branch_name,
          branch_code || 'M1' as owner_id, '客户经理' || branch_code as owner_name, 5 as grids, size * 15 as households,
          size * 45 as customers, size * 15 * 52000.0 as deposits, 0.3 as penetration
        from days, branches
        """,
    "mart_grid_responsible": """
        select business_date, 'G-' || branch_code as grid_id, branch_name || '镇' as grid_name, 'entity' as grid_kind,
          '示范县/' || branch_name || '镇' as path_names, branch_code, branch_name, working_level, level_order,
          '员工' || level_order as employee_name, level_order = 1 as is_inherited
        from days, branches, (values ('head_office', 1), ('branch_head', 2), ('grid_head', 3)) as t(working_level, level_order)
        """,
    "mart_village_credit": """
        select business_date, branch_code || 'V' || i as village_code, branch_name || '第' || i || '村' as village_name,
          branch_name || '镇' as town_name, 'rural' as market_type, branch_code, branch_name, '网格长' || i as head_name,
          '网格员' || i as keeper_name, size * i as registered_households, size * i - 5 as roster_households,
          size * i * 3 as roster_people, 0.9 as filing_rate, size * i - 10 as evaluated, size * i // 2 as whitelisted,
          size * i * 53000.0 as whitelisted_amount, size * i // 3 as signed, size * i // 5 as drawn, size * i // 2 as target_signed,
          0.66 as completion, size * i // 6 as to_sign, '2026-12-01' as projected_name, 'on_course' as target_status
        from days, branches, range(1, 6) as t(i)
        """,
    "mart_settlement_compliance": """
        select date '2026-09-30' as business_date, 'E' || manager_id as customer_id, 'C' || manager_id as core_customer_id,
          branch_code, branch_name, manager_id, manager_name, ['met', 'breach', 'unknown'][i] as settlement_status,
          '基准利率贷款' as requirement_name, '结算量不低于50%' as requirement, 0.4 as settlement_share, 0.5 as required_share,
          0.3 as loan_share, 6.0 as monthly_settlement_count, size * 10000.0 as own_loans, 0.0 as other_bank_loans
        from managers
        """,
    "mart_manager_kpi": """
        select business_date, manager_id, manager_name, branch_code, branch_name, size as managed_customers,
          size // 4 as managed_customers_offline_credit, size // 3 as managed_customers_online_credit,
          size // 2 as managed_customers_non_credit, 100 as managed_customers_goal, size / 100 as managed_customers_completion,
          25 as managed_customers_offline_credit_goal, 30 as managed_customers_online_credit_goal,
          50 as managed_customers_non_credit_goal, size * i * 810000.0 as deposits, 0.4 as settlement_deposit_share,
          size * i * 520000.0 as outstanding, 0.01 as overdue_rate, 0.5 as drawdown_rate_credited_all, i as merchants,
          i * 20000.0 as merchant_deposits, 0.2 as three_small_one_card_coverage, i as new_customers_month, i as new_credited_month,
          i as new_drawn_month, 10 + i as visits_month, 5 + i as contacts_month, i as applications_month
        from days, managers
        """,
    "mart_branch_kpi": """
        select business_date, branch_code, branch_name, 3 as managers, size as managed_customers_per_manager,
          size * 1620000.0 as deposits_per_manager, size * 1040000.0 as outstanding_per_manager, size * 200000.0 as settlement_deposits,
          size * 100000.0 as pure_deposits, size * 10000.0 as margin_deposits, size * 500000.0 as savings_deposits, 6 as merchants,
          120000.0 as merchant_deposits, 9 as payroll_customers, 4 as basic_account_customers, 0.1 as bill_discount_coverage,
          0.05 as international_settlement_coverage, 0.3 as cash_management_coverage, 0.2 as credit_card_coverage,
          0.4 as three_small_one_card_coverage
        from days, branches
        """,
    "mart_ranking": """
        select business_date, 'manager' as organisation_level, manager_id as organisation_code, manager_name as organisation_name,
          branch_code, branch_name, manager_id, period_type, false as is_new_joiner, i as rank_in_bank, i as rank_in_branch,
          0 as rank_change, 100 - i as score, 99 - i as kpi_score, 101 - i as kci_score, '存款余额 98.0×20' as score_reason
        from days, managers, (values ('month'), ('quarter')) as p(period_type)
        union all select business_date, 'branch', branch_code, branch_name, branch_code, branch_name, null, period_type, false, 1, null,
          0, 90, 90, 90, '存款余额 90.0×20'
        from days, branches, (values ('month'), ('quarter')) as p(period_type)
        """,
    "mart_training_camp": """
        select business_date, manager_id, manager_name, branch_code, branch_name, 100000.0 as stock_value, 50000.0 as stock_gap,
          3 as work_value, 4 as work_gap, date '2026-09-28' as since_date
        from days, managers where i = 1
        """,
    "mart_scale_goal": """
        select business_date, organisation_name, branch_code, manager_id, goal_name, goal_order, unit_name, 50 as goal, 40 as actual,
          0.8 as completion, 1 as per_manager_goal, 0.8 as per_manager, 3 as managers_reaching
        from days, targeted, (values ('客户经理', 1, '名'), ('管户数', 2, '户')) as g(goal_name, goal_order, unit_name)
        """,
    "mart_target": """
        select business_date, organisation_level, organisation_code, organisation_name, branch_code, manager_id, measure_code,
          measure_name, unit, period_type, date '2026-12-31' as period_last_day, 'stated' as target_basis, weight as target_figure,
          weight * 0.9 as actual, 0.9 as completion, 0.75 as pace_share, weight * 0.92 as pace_due, weight * -0.02 as gap_to_pace,
          'drift' as forecast_method, weight * 1.0 as forecast, weight * 0.9 as forecast_low_95, weight * 1.1 as forecast_high_95,
          0.9 as forecast_low_completion, 1.0 as forecast_completion, 1.1 as forecast_high_completion,
          if(period_type = 'year', 'behind', 'on_pace') as pace_status
        from days, targeted, measures, (values ('year'), ('quarter'), ('month')) as p(period_type)
        """,
    "mart_target_path": """
        select date '2026-09-30' as business_date, organisation_level, organisation_code, organisation_name, branch_code, manager_id,
          measure_code, measure_name, date '2026-09-30' + cast(7 * n as integer) as path_day, series_name, weight + n as path_level
        from targeted, measures, range(3) as t(n), (values ('实际'), ('目标进度'), ('预测'), ('预测下限'), ('预测上限')) as s(series_name)
        where unit = 'amount'
        """,
    "mart_target_gap": """
        select date '2026-09-30' as business_date, '下级机构之和与上级不符' as gap_name, 'bank' as organisation_level,
          '示范农商银行' as organisation_name, '存款余额' as measure_name, '2026年2月' as period_name, '目标写为 102.00 万元' as stated_name,
          '3 家支行之和为 100.00 万元' as parts_name
        """,
    "mart_kpi_week": """
        select business_date, organisation_level, organisation_code, organisation_name, branch_code, manager_id, measure_code,
          measure_name, unit, if(measure_code in ('deposits', 'outstanding'), 'stock', 'flow') as measure_kind, 3.0 as day_change, 2.0 as previous_day_change,
          9.0 as week_change, 8.0 as previous_week_change, 2.5 as day_plan, weight * 0.9 as month_actual, weight as month_target,
          0.9 as month_completion, 0.97 as pace_share
        from days, targeted, measures
        """,
    "mart_customer_attribute": """
        select date '2026-09-30' as business_date, 'P' || md5(branch_code || i) as customer_id, 'C' || i || ' 王**' as customer_title,
          section_name, item_order, item_code, item_name, '1' as item_value, 1 as amount, branch_code, manager_id
        from managers, (values ('产品与余额', 1, 'aum', '资产管理规模'), ('信贷', 2, 'credit_limit', '授信额度'),
          ('信贷', 3, 'outstanding', '贷款余额'), ('关系', 4, 'relation_count', '关系数')) as t(section_name, item_order, item_code, item_name)
        where branch_code = 'B01'
        """,
    "dim_tag": """
        select '321281' as legal_entity_code, tag_code, tag_name, tag_family, family_name, tag_name || '的定义' as definition,
          '零售业务部' as owner, '一般(C1)' as sensitivity_name, 40 as customers
        from tags
        """,
    "mart_tag_day": """
        select business_date, tag_code, tag_name, tag_family, family_name, branch_code, branch_name, size as customers, 2 as entered_customers,
          1 as left_customers
        from days, tags, branches
        """,
    "mart_tag_overlap": """
        select date '2026-09-30' as business_date, one.*, other.tag_code as other_tag_code, other.tag_name as other_tag_name,
          other.tag_family as other_tag_family, other.family_name as other_family_name, 40 as customers, 40 as other_customers, 10 as both_customers,
          70 as either_customers, 0.25 as overlap_share, 0.14 as jaccard_share, 1.7 as lift_value
        from tags as one, tags as other where one.tag_code <> other.tag_code
        """,
    "mart_data_quality": """
        select business_date, source, source_name, 'customer' as table_name, '客户' as table_label, source_name || ' 客户' as table_title,
          'landed' as status, 100 as rows_in, 99 as rows_landed, 1 as rows_quarantined, 'type' as reason, '类型错误' as reason_name,
          true as is_rejected, 1 as rows_rejected, 0.01 as rejected_share
        from days, (values ('core', '核心'), ('credit', '信贷')) as t(source, source_name)
        """,
    "mart_data_quality_day": """
        select business_date, 10 as deliveries_due, 9 as deliveries_arrived, 0.9 as arrival_rate, 0.8 as on_time_rate, 200 as rows_in,
          2 as rows_quarantined, 0.01 as quarantine_share, 20 as checks, 1 as checks_failed
        from days
        """,
    "mart_data_freshness": """
        select business_date, source, source_name, 'customer' as table_name, '客户' as table_label, source_name || ' 客户' as table_title,
          true as is_due, 'on_time' as delivery_status, '● 按时' as delivery_status_name, true as is_recent
        from days, (values ('core', '核心'), ('credit', '信贷')) as t(source, source_name)
        """,
    "mart_gate_measure": """
        select business_date, source, source_name, 'customer' as table_name, '客户' as table_label, source_name || ' 客户' as table_title,
          measure, column_label, 100 as rows_in, 0.5 as value, 0.4 as lower_bound, 0.6 as upper_bound, false as is_outside
        from days, (values ('core', '核心'), ('credit', '信贷')) as t(source, source_name),
          (values ('volume', '—'), ('null_share', '性别'), ('null_share', '证件类型')) as m(measure, column_label)
        """,
}
"""Columns that are given; the others of a model are null."""


def small_bank(root: Path) -> Bank:
    """A bank without sources: enough for publication and Superset."""
    return Bank(
        name="small",
        folder=root,
        legal_entity_code="321281",
        legal_entity_name="示范农商银行",
        timezone="Asia/Shanghai",
        inbox=root / "inbox",
        sources={},
        home=BankHome(root),
    )


def fill_warehouse(home: BankHome, manifest: Path) -> None:
    """Write every model of schema marts with the columns of the manifest: from the queries above, otherwise empty."""
    nodes = json.loads(manifest.read_text())["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and node["schema"] == "marts"]
    home.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists marts")
        connection.execute(BRANCHES)
        for model in models:
            types = {name: column["data_type"] for name, column in model["columns"].items()}
            query = QUERIES.get(model["name"], "select 1 as nothing where false")
            given = {row[0] for row in connection.execute(f"describe {query}").fetchall()}
            if unknown := given - set(types) - {"nothing"}:
                raise AssertionError(f"{model['name']} has no columns {unknown}")
            columns = ", ".join(
                f"cast({name if name in given else 'null'} as {kind}) as {name}" for name, kind in types.items()
            )
            if model["config"]["meta"].get("tag_columns"):
                codes = connection.execute("select tag_code from tags").fetchall()
                columns += "".join(f", false as tag_{code}" for (code,) in codes)
            connection.execute(f"create or replace table marts.{model['name']} as select {columns} from ({query})")
