"""Gate 2: the marts of a business date, checked before anyone may read them.

Suppression is worked out here a second time, from what was landed and not from the customer features that the lists
are made of, so that a fault in those does not go unseen.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from expectations.check import Check, Subject, no_rows, row_count, text, unique
from expectations.gate import GateResult, run_gate
from expectations.raw_identifier import keys_without_identifier, matches_raw_identifier
from expectations.severity import severity_table
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import DataRefusedError, ToolBrokenError
from qianmo.home import BankHome


@dataclass(frozen=True)
class Mart:
    """What is promised of a mart: its key, whether it has rows per business date, what fills it."""

    key: tuple[str, ...]
    is_dated: bool = False
    filled_by: str | None = None
    """`source.table`: with rows of it landed, the mart must have rows too."""


MARTS = {
    "dim_branch": Mart(("branch_code",), filled_by="core.branch"),
    "dim_customer": Mart(("customer_id",), filled_by="core.customer"),
    "dim_grid": Mart(("grid_id",), filled_by="master.grid"),
    "dim_manager": Mart(("manager_id",), filled_by="core.employee"),
    "dim_tag": Mart(("tag_code",), filled_by="core.customer"),
    "dim_user_scope": Mart(("login",), filled_by="core.employee"),
    "fct_customer_tag": Mart(("customer_id", "tag_code", "valid_from"), filled_by="core.customer"),
    "fct_funnel_event": Mart(("customer_id", "stage_code"), filled_by="core.customer"),
    "mart_customer_360": Mart(("customer_id",), is_dated=True, filled_by="core.customer"),
    "mart_data_quality": Mart(
        ("source", "table_name", "column_name", "reason"), is_dated=True, filled_by="core.customer"
    ),
    "mart_funnel": Mart(
        ("stage_code", "branch_code", "market_type", "segment_code", "channel"),
        is_dated=True,
        filled_by="core.customer",
    ),
    "mart_grid": Mart(("grid_id",), is_dated=True, filled_by="master.grid"),
    "mart_list_dispatch": Mart(("manager_id", "channel"), is_dated=True, filled_by="core.employee"),
    "mart_list_waterfall": Mart(("list_code", "branch_code", "step_code"), is_dated=True, filled_by="core.customer"),
    "mart_manager_kpi": Mart(("manager_id",), is_dated=True, filled_by="core.employee"),
    "mart_list_lift": Mart(("origin", "list_code", "outcome_code", "window_days"), is_dated=True),
    "mart_list_removal": Mart(("row_id",), is_dated=True),
    "mart_marketing_list": Mart(("customer_id",), is_dated=True),
    "mart_tag_day": Mart(("tag_code", "branch_code"), is_dated=True, filled_by="core.customer"),
    "mart_tag_overlap": Mart(("tag_code", "other_tag_code"), is_dated=True, filled_by="core.customer"),
    "mart_customer_kpi": Mart(("customer_id",), is_dated=True, filled_by="core.customer"),
    "mart_kpi_change": Mart(("metric_code", "dimension", "dimension_value", "contribution"), is_dated=True),
    "mart_metric": Mart(("metric_code", "dimension", "dimension_value"), is_dated=True, filled_by="core.customer"),
}
"""The marts that others rely on. Within a legal entity, and within a date where dated, the key is unique."""

_STAGE_NEEDS = {
    "evaluated": "filed",
    "signed": "approved",
    "first_draw": "approved",
    "repeat_draw": "first_draw",
    "effective_draw": "first_draw",
    "settled": "first_draw",
    "overdue": "first_draw",
}
"""Later stage to the stage that nobody reaches it without (domain section 6). Others may be skipped: an own-bank
card holder need not have been reached, an applicant need not be on the whitelist."""


def check_marts(bank: Bank, business_date: date) -> GateResult:
    """Check the marts that the warehouse holds as of a business date.

    Raises:
        DataRefusedError: a critical expectation failed, or there is no warehouse.
        ToolBrokenError: a check crashed, or the warehouse cannot be read.
    """
    home = bank.home
    if not home.warehouse.exists():
        raise DataRefusedError(f"no warehouse at {home.warehouse}: run `qianmo build --date {business_date}` first")
    attach = f"attach {text(str(home.warehouse))} as warehouse (read_only)"
    text_columns = _text_columns(home, attach)
    landed = _landed(home, business_date)
    subjects = [_promised_subject(set(text_columns))]
    for name in sorted(text_columns):
        mart = MARTS.get(name)
        query = f"select * from warehouse.marts.{name}"
        if mart and mart.is_dated:
            query += f" where business_date = date '{business_date}'"
        checks = _identifier_checks(name, mart, text_columns[name])
        if mart:
            checks += _mart_checks(name, mart, landed)
            checks += _own_checks(name, business_date)
        subjects.append(Subject(name, name, query, checks))
    return run_gate(home, "marts", "marts", business_date, subjects, prepare=[attach])


def _text_columns(home: BankHome, attach: str) -> dict[str, list[str]]:
    """Text columns of every table of schema marts; a view shows nothing that is not in them."""
    try:
        with duckdb.connect() as connection:
            connection.execute(attach)
            rows = connection.execute(
                "select table_name, list(column_name order by column_index)"
                " filter (where data_type = 'VARCHAR' or data_type like 'VARCHAR%')"
                " from duckdb_columns() where database_name = 'warehouse' and schema_name = 'marts'"
                " and table_oid in (select table_oid from duckdb_tables() where database_name = 'warehouse')"
                " group by all"
            ).fetchall()
    except duckdb.Error as error:
        raise ToolBrokenError(f"{home.warehouse} cannot be read; is a build running? {error}") from error
    return {name: columns or [] for name, columns in rows}


def _landed(home: BankHome, business_date: date) -> set[str]:
    """`source.table` of which rows were landed up to the date."""
    return {
        f"{batch['source']}.{batch['table_name']}"
        for batch in ledger.rows(home, ledger.landing_batch, status="landed")
        if batch["rows_landed"] and batch["business_date"] <= business_date.isoformat()
    }


def _promised_subject(present: set[str]) -> Subject:
    worth = severity_table().marts
    rows = " union all ".join(
        f"select {text(name)} as mart, {str(name in present).lower()} as is_present" for name in MARTS
    )
    missing = "select mart from checked where not is_present"
    return Subject(
        "marts", "promised", rows, [no_rows("exists", "约定的集市表都存在", worth["exists"], missing, "promised")]
    )


def _mart_checks(name: str, mart: Mart, landed: set[str]) -> list[Check]:
    worth = severity_table().marts
    checks = [unique(name, ["legal_entity_code", *mart.key], [], worth["key_unique"])]
    if name == "mart_marketing_list":
        checks.append(row_count(1, worth["list_not_empty"], "当日至少有一份名单有客户"))
    elif mart.filled_by in landed:
        kind, description = ("business_date", "有业务日期当日的数据") if mart.is_dated else ("not_empty", "不为空")
        checks.append(row_count(1, worth[kind], description))
    return checks


def _identifier_checks(name: str, mart: Mart | None, columns: list[str]) -> list[Check]:
    """On every table, promised or not; surrogates are hexadecimal and are not mistaken for identifiers."""
    if not columns:
        return []
    shown = keys_without_identifier([key for key in (mart.key if mart else ()) if key in columns])
    rows = f"select {text(name)} as mart{''.join(', ' + key for key in shown)} from checked"
    return [
        no_rows(
            "raw_identifier",
            "文本字段中没有身份证号或手机号",
            severity_table().marts["raw_identifier"],
            f"{rows} where {matches_raw_identifier(columns)}",
            name,
        )
    ]


def _own_checks(name: str, business_date: date) -> list[Check]:
    worth = severity_table().marts
    day = f"date '{business_date}'"
    match name:
        case "mart_metric":
            rows = (
                "select metric_code, dimension, dimension_value, numerator, denominator, value from checked"
                " where unit = 'ratio' and (value not between 0 and 1"
                " or abs(value - numerator / nullif(denominator, 0)) > 1e-9)"
            )
            return [no_rows("share", "比率在 0 与 1 之间,且等于分子除以分母", worth["share"], rows, name)]
        case "mart_grid":
            rows = "select grid_id, penetration from checked where penetration not between 0 and 1"
            return [
                no_rows("share", "渗透率在 0 与 1 之间", worth["share"], rows, name),
                no_rows("grid_total", "实体网格(含未分配)合计等于全行", worth["grid_total"], _GRID_TOTAL, name),
            ]
        case "mart_manager_kpi":
            rows = "select manager_id from checked where drawdown_rate_credited_all not between 0 and 1"
            return [no_rows("share", "用信率在 0 与 1 之间", worth["share"], rows, name)]
        case "fct_customer_tag":
            rows = "select customer_id, tag_code, valid_from, valid_to from checked where valid_to <= valid_from"
            return [no_rows("history", "标签失效日期晚于生效日期", worth["history"], rows, name)]
        case "fct_funnel_event":
            return _funnel_checks(name)
        case "mart_list_waterfall":
            return [
                no_rows(
                    "waterfall:steps", "各步骤剩余 = 上一步剩余 - 剔除", worth["waterfall"], _WATERFALL_STEPS, name
                ),
                no_rows(
                    "waterfall:list", "派发数、对照组数与名单新增行数一致", worth["waterfall"], _WATERFALL_LIST, name
                ),
            ]
        case "mart_marketing_list":
            return _list_checks(name, day)
    return []


_GRID_TOTAL = """
select * from (
    select
        sum(customers) as grid_customers,
        (select count(*) from warehouse.marts.dim_customer where is_bank_customer) as bank_customers,
        sum(people) as grid_people,
        (select count(*) from warehouse.marts.dim_customer where customer_type = 'person') as bank_people
    from checked where grid_kind = 'entity'
) where grid_customers <> bank_customers or grid_people <> bank_people
"""

_WATERFALL_STEPS = """
select list_code, branch_code, step_code, remaining_before, removed, remaining from (
    select
        list_code, branch_code, step_code, removed, remaining,
        lag(remaining) over (
            partition by legal_entity_code, list_code, branch_code order by step_order
        ) as remaining_before
    from checked
) where removed < 0 or remaining < 0 or remaining <> remaining_before - removed
"""

_WATERFALL_LIST = """
select list_code, branch_code, step_code, waterfall_rows, list_rows from (
    select
        checked.list_code, checked.branch_code, checked.step_code,
        if(checked.step_code = 'holdout', checked.removed, checked.remaining) as waterfall_rows,
        (
            select count(*) from mart_marketing_list as list
            where list.legal_entity_code = checked.legal_entity_code and list.list_code = checked.list_code
                and list.branch_code is not distinct from checked.branch_code and list.listing_state = 'new'
                and list.is_holdout = (checked.step_code = 'holdout')
        ) as list_rows
    from checked where checked.step_code in ('holdout', 'delivered')
) where waterfall_rows <> list_rows
"""


def _funnel_checks(name: str) -> list[Check]:
    severity = severity_table().marts["funnel"]
    needs = " union all ".join(
        f"select {text(later)} as later, {text(needed)} as needed" for later, needed in _STAGE_NEEDS.items()
    )
    skipped = (
        f"select checked.customer_id, checked.stage_code, needs.needed as missing_stage from checked"
        f" inner join ({needs}) as needs on checked.stage_code = needs.later where not exists"
        " (select 1 from warehouse.marts.fct_funnel_event as earlier where earlier.customer_id = checked.customer_id"
        " and earlier.legal_entity_code = checked.legal_entity_code and earlier.stage_code = needs.needed)"
    )
    counted = (
        "select stage_code, events, customers from (select stage_code, count(*) as events from checked group by all)"
        " full join (select stage_code, sum(customers) as customers from mart_funnel group by all) using (stage_code)"
        " where events is distinct from customers"
    )
    return [
        no_rows("funnel:order", "进入后续阶段的客户都经过其必经阶段", severity, skipped, name),
        no_rows("funnel:count", "漏斗人数等于各阶段事件数", severity, counted, name),
    ]


def _list_checks(name: str, day: str) -> list[Check]:
    """Holdout rows are held to the same rules: they differ from the delivered ones by chance alone."""
    worth = severity_table().marts
    core = (
        "inner join warehouse.intermediate.int_customer__identity as identity"
        " on identity.customer_id = checked.customer_id and identity.source_table = 'core.customer'"
    )
    customer = f"{core} inner join warehouse.staging.stg_core__customer as c on c.customer_id = identity.source_key"
    loan = f"{core} inner join warehouse.staging.stg_credit__loan as l on l.customer_id = identity.source_key"
    shown = "select distinct checked.list_code, checked.customer_id from checked"
    born = "coalesce(if(c.id_number_is_valid, c.id_number_birth_date, null), c.birth_date)"
    suppressed = {
        "minor": ("未成年人", f"{customer} where {born} > {day} - interval 18 year"),
        "deceased": ("已故客户", f"{customer} where c.is_deceased"),
        "staff": (
            "本行员工",
            f"{customer} where c.is_staff or exists (select 1 from warehouse.staging.stg_core__employee as e"
            f" where e.id_number_key = c.id_number_key and coalesce(e.leave_date, {day} + 1) > {day})",
        ),
        "grey_black": ("灰黑名单客户", f"{customer} where c.risk_list <> 'none'"),
        "overdue": ("逾期贷款客户", f"{loan} where l.status in ('overdue', 'written_off')"),
        "below_pass": (
            "五级分类低于正常的客户",
            f"{loan} where l.status = 'normal' and l.five_class <> 'normal'",
        ),
        "opted_out": (
            "拒绝该渠道营销的客户",
            f"{core} inner join warehouse.staging.stg_marketing__opt_out as o on o.customer_id = identity.source_key"
            f" where o.channel in (checked.channel, 'all') and o.opted_out_date <= {day}",
        ),
        "not_authorised": (
            "未获该渠道营销授权的客户",
            "where not exists (select 1 from warehouse.intermediate.int_customer__identity as identity"
            " inner join warehouse.staging.stg_marketing__authorisation as a on a.customer_id = identity.source_key"
            " where identity.customer_id = checked.customer_id and identity.source_table = 'core.customer'"
            " and a.purpose = 'marketing' and a.channel in (checked.channel, 'all')"
            f" and a.granted_date <= {day} and a.expiry_date >= {day} and coalesce(a.revoked_date, {day} + 1) > {day})",
        ),
    }
    unknown = (
        "select checked.list_code, checked.customer_id from checked where not exists (select 1"
        " from warehouse.marts.dim_customer as known where known.customer_id = checked.customer_id)"
    )
    return [
        no_rows("known_customer", "名单客户都在客户维表中", worth["known_customer"], unknown, name),
        *(
            no_rows(f"suppressed:{code}", f"名单中没有{who}", worth["suppressed"], f"{shown} {condition}", name)
            for code, (who, condition) in suppressed.items()
        ),
    ]
