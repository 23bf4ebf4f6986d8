"""A real Superset in a real browser: what each role sees, and what it cannot reach."""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import APIResponse, Browser, BrowserContext, Page, sync_playwright

from ingestion.bank import Bank
from qianmo.home import PROJECT_ROOT
from serving.publish import current, publish
from serving.superset.dashboard_files import Chart, Dashboard, dashboards
from serving.superset.load import load, password
from tests.county import DATES

CHROMIUM = os.environ.get("QIANMO_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LAST_DAY = date.fromisoformat(DATES[-1])
PAGES = {page.code: page for page in dashboards()}
SPARSE = (
    "visit_compliance", "settlement_compliance", "morning_meeting", "evening_meeting", "weekly", "monthly", "targets",
    "funnel_cohort", "dormant_credit", "list_changes", "list_dispatch",
)  # fmt: skip
"""Pages that a branch of the tests' tiny county may have nothing on."""
RENDERED = [
    *(
        (page, post)
        for page in PAGES.values()
        if "branch_head" in page.roles and page.code not in SPARSE
        for post in page.roles
    ),
    *((PAGES[code], "head_office") for code in (*SPARSE, "rule_book", "target_gap")),
    (PAGES["targets"], "manager"),
    (PAGES["list_dispatch"], "branch_head"),
    (PAGES["list_ranking"], "risk"),
    (PAGES["monthly"], "branch_head"),
    *((PAGES[code], post) for code in ("data_quality", "tag_catalogue") for post in ("head_office", "risk")),
    (PAGES["metric_catalogue"], "head_office"),
    (PAGES["grid_change"], "head_office"),
    (PAGES["list_delivery"], "head_office"),
    (PAGES["list_lift"], "head_office"),
]
SCREENSHOTS = os.environ.get("QIANMO_SCREENSHOTS")
"""Folder for screenshots, relative to the project, such as docs/images; without it they go to the test's own folder."""
ENGLISH = re.compile(r"[A-Za-z]{3,}")
NOT_ENGLISH = {"AUC", "KCI", "KPI", "POS", "PSI"}
IDENTIFIER = re.compile(r"\b(G-[\w-]+|[PECR]?[0-9a-f]{8,16})\b")
"""Grid ids, and the hexadecimal digits of customer ids, marks of records and rule versions, are no words."""
FILE_NAME = re.compile(r"[\w/-]+(\.\w+)+")

pytestmark = pytest.mark.timeout(1800)  # the county is made by whichever test asks first


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "no Chromium: install the Debian package `chromium`, or set QIANMO_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def scope(county: Bank) -> dict[str, tuple[str, str, str]]:
    """Login, branch and manager of one user of each post: of those with a scope, the one with most list rows."""
    with duckdb.connect(str(current(county)), read_only=True) as connection:
        rows = connection.execute(
            "select scope.role, scope.login, scope.branch_code, scope.manager_id from marts.dim_user_scope as scope"
            " left join marts.mart_marketing_list as lists on lists.branch_code = scope.branch_code"
            " and lists.manager_id = coalesce(scope.manager_id, lists.manager_id)"
            " group by all order by count(*), scope.login"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


class Session:
    """A signed-in user: pages, and the same API that the pages call."""

    def __init__(self, context: BrowserContext, address: str, login: str) -> None:
        self.context = context
        self.address = address
        page = context.new_page()
        page.goto(f"{address}/login/")
        page.locator("#username, input[name=username]").first.fill(login)
        page.locator("input[type=password]").first.fill(password())
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        self.token = page.evaluate("document.querySelector('#csrf_token')?.value") or ""
        page.close()

    def get(self, path: str) -> APIResponse:
        return self.context.request.get(self.address + path, max_redirects=0)

    def post(self, path: str, body: dict[str, Any]) -> APIResponse:
        headers = {"X-CSRFToken": self.token, "Referer": self.address}
        return self.context.request.post(self.address + path, data=body, headers=headers)

    def query(self, dataset: int, **parts: Any) -> APIResponse:
        """A chart query of the user's own making."""
        query = {"columns": [], "metrics": [], "filters": [], "row_limit": 1000, **parts}
        body = {
            "datasource": {"id": dataset, "type": "table"},
            "queries": [query],
            "result_format": parts.pop("result_format", "json"),
            "result_type": "full",
            "force": True,
        }
        query.pop("result_format", None)
        return self.post("/api/v1/chart/data", body)

    def rows(self, dataset: int, **parts: Any) -> list[dict[str, Any]]:
        answer = self.query(dataset, **parts)
        assert answer.status == 200, answer.text()
        rows: list[dict[str, Any]] = answer.json()["result"][0]["data"]
        return rows


@pytest.fixture(scope="module")
def sign_in(browser: Browser, superset: str) -> Iterator[Any]:
    sessions: dict[str, Session] = {}

    def session(login: str) -> Session:
        if login not in sessions:
            context = browser.new_context(viewport={"width": 1500, "height": 1000}, locale="zh-CN")
            sessions[login] = Session(context, superset, login)
        return sessions[login]

    yield session
    for one in sessions.values():
        one.context.close()


@pytest.fixture(scope="module")
def dataset_ids(superset: str, county: Bank) -> dict[str, int]:
    with sqlite3.connect(county.home.root / "superset" / "superset.sqlite") as connection:
        return dict(connection.execute("select table_name, id from tables").fetchall())


@contextmanager
def opened(session: Session, page: Dashboard) -> Iterator[Page]:
    """A dashboard with every chart drawn, in a window as tall as the page."""
    tab = session.context.new_page()
    try:
        tab.goto(f"{session.address}/superset/dashboard/{page.code}/")
        tab.wait_for_selector(".grid-container", timeout=60_000)
        height = 350 + sum(row.height * 8 + 40 for row in page.rows)
        tab.set_viewport_size({"width": 1500, "height": height})
        tab.wait_for_function(
            "expected => document.querySelectorAll('.slice_container').length >= expected"
            " && !document.querySelector('[data-test=loading-indicator], .loading')",
            arg=len(page.charts),
            timeout=90_000,
        )
        tab.wait_for_timeout(1500)  # the last animation
        yield tab
    finally:
        tab.close()


@pytest.mark.parametrize(("page", "post"), RENDERED, ids=lambda one: getattr(one, "code", one))
def test_dashboards_render_in_chinese_without_an_empty_chart(
    sign_in: Any, scope: dict[str, Any], county: Bank, page: Dashboard, post: str, tmp_path: Path
) -> None:
    with opened(sign_in(scope[post][0]), page) as tab:
        folder = PROJECT_ROOT / SCREENSHOTS if SCREENSHOTS else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        seen_by = "" if post == "head_office" else f"-{post}"
        tab.screenshot(path=folder / f"dashboard-{page.code}{seen_by}.png".replace("_", "-"))
        text = tab.locator("body").inner_text()
        for chart in page.charts:
            assert chart.title in text
        assert tab.locator("[role=alert], .ant-alert-error, .chart-alert, .ant-empty").count() == 0, text
        assert "没有数据" not in text
        assert "None" not in text
        assert set(ENGLISH.findall(IDENTIFIER.sub("", FILE_NAME.sub("", text)))) <= NOT_ENGLISH
        drawn = tab.locator(".slice_container").filter(has=tab.locator("canvas, table, .header-line")).count()
        assert drawn == len(page.charts)
        first = {one.column for one in page.filters if one.first}
        is_summed = post == "head_office" and first <= {"business_date"}
        for chart in page.charts:
            if is_summed and chart.type == "number" and chart.measures[0].sum:
                days = "the last date alone" if first else "all dates"
                assert expected_number(county, chart, bool(first)) in text, f"{chart.title} is not of {days}"


def expected_number(county: Bank, chart: Chart, of_last_day: bool) -> str:
    """What a head-office figure must show: the sum over the last business date alone, or over all."""
    [measure] = chart.measures
    where = [f"business_date = date '{LAST_DAY}'"] if of_last_day else ["true"]
    for column, values in chart.where.items():
        let_through = "', '".join(map(str, values))
        where.append(f"{column} in ('{let_through}')")
    divisor = 10_000 if measure.unit == "万元" else 1
    with duckdb.connect(str(current(county)), read_only=True) as connection:
        row = connection.execute(
            f"select round(sum({measure.sum}) / {divisor}) from marts.{chart.dataset} where {' and '.join(where)}"
        ).fetchone()
    return f"{row[0] if row else 0:,.0f}"


def count_customers(county: Bank, condition: str) -> int:
    with duckdb.connect(str(current(county)), read_only=True) as connection:
        row = connection.execute(f"select count(*) from marts.mart_customer_360 where {condition}").fetchone()
    return int(row[0]) if row else 0


def choose(tab: Page, label: str, *names: str) -> None:
    """Pick values of a page filter, by typing them."""
    heading = tab.locator("[data-test=filter-control-name]", has_text=label)
    box = tab.locator(".ant-form-item").filter(has=heading).get_by_role("combobox")
    box.click()
    for name in names:
        box.fill(name)
        tab.locator(f".ant-select-item-option[title='{name}']:visible").wait_for()
        tab.keyboard.press("Enter")
    tab.keyboard.press("Escape")


def test_a_user_picks_tags_and_sees_the_audience(
    sign_in: Any, scope: dict[str, Any], county: Bank, tmp_path: Path
) -> None:
    expected = count_customers(
        county, "tag_evaluated and tag_filed and (tag_mobile_bank or tag_fixed_deposit) and not tag_not_authorised"
    )
    assert expected > 0
    with opened(sign_in(scope["head_office"][0]), PAGES["audience_size"]) as tab:
        choose(tab, "全部具备", "已评议", "已建档")
        choose(tab, "至少具备一项", "手机银行签约", "定期存款客户")
        choose(tab, "均不具备", "无营销授权")
        tab.locator("[data-test=filter-bar__apply-button]").click()
        tab.locator(".header-line", has_text=re.compile(f"^{expected:,}$")).wait_for(timeout=60_000)
        tab.screenshot(path=tmp_path / "picked.png")


def test_tags_are_combined_within_the_own_rows(
    sign_in: Any, scope: dict[str, Any], county: Bank, dataset_ids: dict[str, int]
) -> None:
    login, branch, _ = scope["branch_head"]
    wide = dataset_ids["mart_customer_360"]
    carried = "tag_active_account and tag_mobile_bank"

    def counted(post_login: str, *names: str) -> list[dict[str, Any]]:
        asked = [{"col": "with_all_tags", "op": "IN", "val": [*names]}]
        return list(sign_in(post_login).rows(wide, metrics=[sql_metric("count(*)")], filters=asked))

    own = count_customers(county, f"{carried} and branch_code = '{branch}'")
    assert counted(login, "有效户", "手机银行签约") == [{"x": own}]
    everybody = count_customers(county, carried)
    assert counted(scope["head_office"][0], "有效户", "手机银行签约") == [{"x": everybody}]
    assert 0 < own < everybody
    for not_a_tag in ("没有这个标签", "x' or 1 = 1 --", "{{ 1 }}", '" or true or "'):
        assert counted(login, not_a_tag) == [{"x": 0}], not_a_tag


def test_risk_reviews_lists_without_contact_columns(
    sign_in: Any, scope: dict[str, Any], dataset_ids: dict[str, int]
) -> None:
    risk = sign_in(scope["risk"][0])
    with opened(risk, PAGES["list_review"]) as tab:
        assert tab.locator("[role=alert], .ant-empty").count() == 0
        assert "手机" not in tab.locator(".grid-container").inner_text()
    review = dataset_ids["review_marketing_list"]
    assert risk.rows(review, columns=["list_name"])
    assert risk.query(review, metrics=[sql_metric("max(phone_masked)")]).status >= 400
    assert risk.query(dataset_ids["mart_marketing_list"], columns=["phone_masked"]).status == 403


def sql_metric(expression: str) -> dict[str, Any]:
    return {"expressionType": "SQL", "sqlExpression": expression, "label": "x"}


def test_a_branch_head_sees_the_own_branch_only(
    sign_in: Any, scope: dict[str, Any], dataset_ids: dict[str, int]
) -> None:
    login, branch, _ = scope["branch_head"]
    head = sign_in(login)
    office = sign_in(scope["head_office"][0])
    for name in (
        "mart_marketing_list", "mart_list_waterfall", "mart_funnel", "mart_grid", "mart_manager_kpi",
        "mart_marketing_map", "mart_village_credit", "mart_expiry", "mart_funnel_cohort",
    ):  # fmt: skip
        dataset = dataset_ids[name]
        everything = {row["branch_code"] for row in office.rows(dataset, columns=["branch_code"])}
        assert len(everything) > 1, name
        assert {row["branch_code"] for row in head.rows(dataset, columns=["branch_code"])} == {branch}, name
        other = sorted(everything - {branch, None})[0]
        asked = [{"col": "branch_code", "op": "==", "val": other}]
        assert head.rows(dataset, columns=["branch_code"], filters=asked) == []
    metric = dataset_ids["mart_metric"]
    assert head.rows(metric, columns=["dimension", "dimension_value"]) == [
        {"dimension": "branch", "dimension_value": branch}
    ]


def test_a_manager_sees_the_own_customers_only(
    sign_in: Any, scope: dict[str, Any], dataset_ids: dict[str, int]
) -> None:
    login, branch, manager = scope["manager"]
    session = sign_in(login)
    # a customer handed over may have its account in another branch
    for name in ("mart_customer_explanation", "mart_customer_relation", "mart_customer_attribute"):
        assert session.rows(dataset_ids[name], columns=["manager_id"]) == [{"manager_id": manager}], name
    for name in ("mart_marketing_list", "mart_manager_kpi", "mart_funnel_cohort"):
        rows = session.rows(dataset_ids[name], columns=["manager_id", "branch_code"])
        assert rows == [{"manager_id": manager, "branch_code": branch}]


@pytest.mark.parametrize(
    "parts",
    [
        {"extras": {"where": "1 = 1) or (1 = 1"}},
        {"extras": {"where": "true or true"}},
        {"extras": {"where": "branch_code in (select branch_code from marts.mart_marketing_list)"}},
        {"extras": {"having": "1 = 1) or (1 = 1"}},
        {"metrics": [sql_metric("(select count(distinct branch_code) from marts.mart_marketing_list)")]},
        {"metrics": [sql_metric("(from marts.mart_marketing_list select count(distinct branch_code))")]},
        {"metrics": [sql_metric("count(*) from marts.mart_marketing_list --")]},
        {"metrics": [sql_metric("(select login from marts.dim_user_scope limit 1)")]},
        {"columns": [{**sql_metric("(select max(login) from marts.dim_user_scope)"), "label": "y"}]},
        {"orderby": [[sql_metric("(select 1)"), True]]},
    ],
    ids=str,
)  # fmt: skip
def test_a_branch_head_cannot_write_past_the_row_filter(
    sign_in: Any, scope: dict[str, Any], dataset_ids: dict[str, int], parts: dict[str, Any]
) -> None:
    login, branch, _ = scope["branch_head"]
    query = {"columns": ["branch_code"], "metrics": [sql_metric("count(*)")], **parts}
    answer = sign_in(login).query(dataset_ids["mart_marketing_list"], **query)
    if answer.status == 200:
        rows = answer.json()["result"][0]["data"]
        assert {row.get("branch_code", branch) for row in rows} <= {branch}, answer.text()
        assert not any("metrics" in parts and "select" in json.dumps(parts) for _ in rows), answer.text()
    else:
        assert answer.status >= 400  # Superset answers 500 to some of its own refusals


def test_a_branch_head_has_no_sql_no_export_and_no_other_dataset(
    sign_in: Any, scope: dict[str, Any], dataset_ids: dict[str, int]
) -> None:
    head = sign_in(scope["branch_head"][0])
    dataset = dataset_ids["mart_marketing_list"]
    executed = head.post(
        "/api/v1/sqllab/execute/",
        {"database_id": 1, "sql": "select * from marts.mart_marketing_list", "runAsync": False, "schema": "marts"},
    )
    assert executed.status in (403, 404)
    assert head.get("/sqllab/").status in (302, 403, 404)
    for kind in ("csv", "xlsx"):
        assert head.query(dataset, columns=["list_name"], result_format=kind).status == 403
    assert head.query(dataset_ids["mart_data_quality"], columns=["source"]).status == 403
    assert head.query(dataset_ids["review_marketing_list"], columns=["list_name"]).status == 403
    for path in (
        "/api/v1/database/1/tables/?q=(schema_name:marts)",
        "/api/v1/database/1/connection",
        f"/api/v1/dataset/export/?q=!({dataset})",
        "/api/v1/dashboard/export/?q=!(1)",
        "/api/v1/security/users/",
        "/api/v1/rowlevelsecurity/",
        "/swagger/v1",
    ):
        assert head.get(path).status != 200, path
    branches = {scope["branch_head"][1]}
    values = head.get(f"/api/v1/datasource/table/{dataset}/column/branch_code/values/")
    assert values.status != 200 or set(values.json()["result"]) <= branches
    samples = head.post(f"/datasource/samples?datasource_id={dataset}&datasource_type=table", {})
    assert samples.status != 200 or {row["branch_code"] for row in samples.json()["result"]["data"]} <= branches


def test_answers_are_not_shared_between_users(sign_in: Any, scope: dict[str, Any], dataset_ids: dict[str, int]) -> None:
    body = {
        "datasource": {"id": dataset_ids["mart_grid"], "type": "table"},
        "queries": [{"columns": ["branch_code"], "metrics": [], "row_limit": 100}],
        "result_format": "json",
        "result_type": "full",
    }
    seen = []
    for post in ("head_office", "branch_head", "head_office", "branch_head"):
        answer = sign_in(scope[post][0]).post("/api/v1/chart/data", body)
        seen.append({row["branch_code"] for row in answer.json()["result"][0]["data"]})
    assert seen[1] == seen[3] == {scope["branch_head"][1]}
    assert seen[0] == seen[2] > seen[1]


def test_the_published_file_cannot_be_left(sign_in: Any, scope: dict[str, Any], dataset_ids: dict[str, int]) -> None:
    """Head office may analyse, but neither read files nor change settings through an expression."""
    office = sign_in(scope["head_office"][0])
    for expression in (
        "(select count(*) from read_text('/etc/hostname'))",
        "(select count(*) from glob('/etc/*'))",
        "getenv('HOME')",
    ):
        assert office.query(dataset_ids["mart_grid"], metrics=[sql_metric(expression)]).status >= 400, expression


def test_a_new_publication_is_seen_by_the_next_query(
    sign_in: Any, scope: dict[str, Any], county: Bank, dataset_ids: dict[str, int]
) -> None:
    office = sign_in(scope["head_office"][0])
    body = {
        "datasource": {"id": dataset_ids["mart_data_quality"], "type": "table"},
        "queries": [{"columns": [], "metrics": [sql_metric("count(*)")]}],
        "result_format": "json",
        "result_type": "full",
    }

    def rows() -> int:
        return int(office.post("/api/v1/chart/data", body).json()["result"][0]["data"][0]["x"])

    before = rows()
    with duckdb.connect(str(county.home.warehouse)) as connection:
        connection.execute("insert into marts.mart_data_quality select * from marts.mart_data_quality limit 1")
    publish(county, LAST_DAY)
    assert rows() == before + 1
    assert load(county) is False, "a publication alone changes nothing in Superset's own tables"


def test_users_who_left_cannot_sign_in(county: Bank, superset: str, scope: dict[str, Any]) -> None:
    """A login that leaves the scope table is switched off at the next load."""
    path = county.home.root / "superset" / "superset.sqlite"
    with sqlite3.connect(path) as connection:
        active = dict(connection.execute("select username, active from ab_user").fetchall())
    assert superset
    gone = scope["branch_head"][0]
    with duckdb.connect(str(county.home.warehouse)) as connection:
        connection.execute(
            "create or replace temp table kept as select * from marts.dim_user_scope where login <> ?", [gone]
        )
        connection.execute("create or replace table marts.dim_user_scope as from kept")
    publish(county, LAST_DAY)
    assert load(county) is True
    with sqlite3.connect(path) as connection:
        after = dict(connection.execute("select username, active from ab_user").fetchall())
    assert active[gone] == 1
    assert after == {**active, gone: 0}
