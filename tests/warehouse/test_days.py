"""Three business dates on a handful of customers: what a day changes, and that repeating or rebuilding one is safe."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingestion.bank import Bank
from qianmo.definitions import DEFINITIONS
from qianmo.home import BankHome
from serving.publish import publish
from serving.superset import assets
from serving.superset.manifest import marts as marts_of_manifest
from tests.warehouse.conftest import Warehouse, empty_warehouse, person

FIRST, SECOND, THIRD = date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)

MODELS = ("--select", "+mart_tag_overlap", "+mart_tag_day", "+mart_grid", "+dim_customer")
RUN = ("run",)


def customer(number: int, **columns: Any) -> dict[str, Any]:
    return person(number, **({"open_date": date(2020, 1, 1), "village_code": "v1"} | columns))


def account(number: int, **columns: Any) -> dict[str, Any]:
    known = {
        "account_id": f"a{number}",
        "customer_id": f"c{number}",
        "product_code": "saving",
        "account_type": "demand",
        "deposit_class": "savings",
        "is_basic_account": False,
        "currency": "CNY",
        "open_date": date(2020, 1, 1),
        "branch_code": "B1",
        "status": "active",
    }
    return known | columns


def posting(number: int, day: date, amount: float = 100.0, account_id: str = "a1") -> dict[str, Any]:
    return {
        "transaction_id": f"t{number}",
        "account_id": account_id,
        "posting_date": day,
        "amount": amount,
        "channel": "mobile",
        "summary_code": "transfer_in",
    }


def line(number: int, customer_id: str, expiry: date) -> dict[str, Any]:
    return {
        "credit_line_id": f"l{number}",
        "customer_id": customer_id,
        "product_code": "loan",
        "limit_amount": 100000,
        "approved_date": date(2025, 9, 1),
        "signed_date": date(2025, 9, 29),
        "expiry_date": expiry,
        "channel": "offline",
        "status": "active",
        "branch_code": "B1",
    }


def land_days(warehouse: Warehouse) -> None:
    branches = [
        {"branch_code": code, "branch_name": code, "branch_level": "branch", "market_type": "rural"}
        for code in ("B1", "B2")
    ]
    warehouse.land("core.branch", FIRST, branches)
    villages = [
        {
            "village_code": "v1",
            "village_name": "一村",
            "town_code": "t",
            "town_name": "一镇",
            "market_type": "rural",
        }
    ]
    warehouse.land("master.village", FIRST, villages)
    grids = [
        {
            "grid_id": "g1",
            "grid_name": "一村",
            "grid_kind": "entity",
            "grid_type": "village",
            "branch_code": "B1",
            "valid_from": date(2026, 1, 1),
        }
    ]
    warehouse.land("master.grid", FIRST, grids)
    rules = [{"rule_id": "r1", "grid_id": "g1", "rule_type": "village_code", "rule_value": "v1", "priority": 1}]
    warehouse.land("master.grid_membership_rule", FIRST, rules)
    warehouse.land("core.customer", FIRST, [customer(1), customer(2), customer(3, village_code=None)])
    warehouse.land("core.account", FIRST, [account(1), account(2), account(3)])
    balances = [{"account_id": f"a{n}", "balance_date": FIRST, "balance": n * 1000} for n in (1, 2, 3)]
    warehouse.land("core.account_balance", FIRST, balances)
    warehouse.land("core.transaction", FIRST, [posting(1, FIRST), posting(2, FIRST, -30.0)])
    # The line of c1 lapses on the second day; c2 moves to another branch; t2 is sent again.
    warehouse.land("credit.credit_line", FIRST, [line(1, "c1", SECOND), line(2, "c2", date(2027, 9, 29))])
    warehouse.land("core.customer", SECOND, [customer(2, branch_code="B2", manager_id="M2")])
    warehouse.land("core.transaction", SECOND, [posting(2, FIRST, -30.0), posting(3, SECOND, 7.0)])
    warehouse.land("core.account_balance", SECOND, [{"account_id": "a1", "balance_date": SECOND, "balance": 900000}])
    warehouse.land("core.transaction", THIRD, [posting(4, THIRD, 11.0)])


def contents(warehouse: Warehouse, table: str) -> list[str]:
    """Every row of a table as text, in a fixed order."""
    return [row for (row,) in warehouse.rows(f"select cast(t as varchar) from {table} as t order by 1")]


def marts(warehouse: Warehouse) -> dict[str, list[str]]:
    tables = warehouse.rows("select table_name from duckdb_tables() where schema_name = 'marts' order by 1")
    return {name: contents(warehouse, f"marts.{name}") for (name,) in tables}


def holders(warehouse: Warehouse, tag: str, day: date) -> list[str]:
    """Core numbers of the customers who carried the tag on the day."""
    found = warehouse.rows(
        f"""
        select core_customer_id
        from marts.fct_customer_tag inner join marts.dim_customer using (customer_id)
        where tag_code = '{tag}' and valid_from <= date '{day}' and (valid_to is null or valid_to > date '{day}')
        order by 1
        """
    )
    return [number for (number,) in found]


@pytest.fixture(scope="module")
def built(warehouse: Warehouse) -> tuple[Warehouse, dict[date, dict[str, list[str]]]]:
    """Two days built one after the other, with the marts as they stood after each."""
    land_days(warehouse)
    seen = {}
    for day in (FIRST, SECOND):
        warehouse.build(day, *MODELS, command=RUN)
        seen[day] = marts(warehouse)
    return warehouse, seen


Built = tuple[Warehouse, dict[date, dict[str, list[str]]]]


def test_history_tells_who_carried_a_tag_when(built: Built) -> None:
    warehouse, _ = built
    assert holders(warehouse, "credited_not_drawn", FIRST) == ["c1", "c2"]
    assert holders(warehouse, "credited_not_drawn", SECOND) == ["c2"], "the line of c1 expired that day"
    closed = warehouse.rows(
        "select valid_from, valid_to, evidence from marts.fct_customer_tag "
        "where tag_code = 'credited_not_drawn' and valid_to is not null"
    )
    assert closed == [(FIRST, SECOND, '{"credit_limit":100000.00,"credit_signed_date":"2025-09-29"}')]


def test_a_new_value_closes_the_old_row(built: Built) -> None:
    warehouse, _ = built
    bands = warehouse.rows(
        "select tag_value, valid_from, valid_to from marts.fct_customer_tag "
        "inner join marts.dim_customer using (customer_id) "
        "where tag_code = 'aum_band' and core_customer_id = 'c1' order by valid_from"
    )
    assert bands == [("1万元以下", FIRST, SECOND), ("50万元以上", SECOND, None)]


def test_open_rows_follow_the_customer_to_another_branch(built: Built) -> None:
    warehouse, _ = built
    branches = warehouse.rows(
        "select distinct f.branch_code, f.manager_id from marts.fct_customer_tag as f "
        "inner join marts.dim_customer using (customer_id) where core_customer_id = 'c2' and valid_to is null"
    )
    assert branches == [("B2", "M2")], "or the former branch would still see the customer"


def test_a_posting_sent_twice_counts_once(built: Built) -> None:
    warehouse, _ = built
    counted = warehouse.rows(
        "select posting_date, business_date, posting_count, inflow, outflow "
        "from intermediate.int_account_day__aggregated order by all"
    )
    assert counted == [(FIRST, FIRST, 2, 100, 30), (SECOND, SECOND, 1, 7, 0)]


def test_the_wide_row_says_what_the_history_says(built: Built) -> None:
    warehouse, _ = built
    wide = warehouse.rows(
        "select core_customer_id, tag_credited_not_drawn, tag_names like '%已授信未用信%' from marts.mart_customer_360"
    )
    assert sorted(wide) == [("c1", False, False), ("c2", True, True), ("c3", False, False)]


def test_grids_add_up_with_the_unassigned(built: Built) -> None:
    warehouse, _ = built
    grids = warehouse.rows(
        "select business_date, grid_name, branch_code, customers, deposits from marts.mart_grid order by all"
    )
    assert grids == [
        (FIRST, "一村", "B1", 2, 3000),
        (FIRST, "未分配", "B1", 1, 3000),
        (SECOND, "一村", "B1", 2, 902000),
        (SECOND, "未分配", "B1", 1, 3000),
    ]


def test_rebuilding_days_gives_the_same(built: Built) -> None:
    warehouse, seen = built
    warehouse.build(FIRST, *MODELS, command=RUN)
    assert marts(warehouse)["fct_customer_tag"] == seen[FIRST]["fct_customer_tag"], "back to the first day"
    assert marts(warehouse)["mart_customer_360"] == seen[FIRST]["mart_customer_360"], "back to the first day"
    warehouse.build(SECOND, *MODELS, command=RUN)
    assert marts(warehouse) == seen[SECOND], "and forward again"


def test_a_day_that_was_passed_over_is_taken_in(built: Built, tmp_path: Path) -> None:
    warehouse, _ = built
    late = empty_warehouse(tmp_path)
    shutil.copytree(warehouse.root / "landing", late.root / "landing", dirs_exist_ok=True)
    for day in (FIRST, THIRD):
        late.build(day, "--select", "+int_account_day__aggregated", command=RUN)
    straight = contents(warehouse, "intermediate.int_account_day__aggregated")
    with_late = contents(late, "intermediate.int_account_day__aggregated")
    assert set(straight) < set(with_late), "the second day's batch was not lost"
    assert len(with_late) == 3
    late.land("core.transaction", SECOND, [posting(5, SECOND, 1.0)])
    late.build(THIRD, "--select", "+int_account_day__aggregated", command=RUN)
    inflow = "select inflow from intermediate.int_account_day__aggregated where business_date = '2026-09-29'"
    assert late.rows(inflow) == [(1,)], "a batch landed again replaces the old one"


def test_an_old_date_sent_again_gives_what_building_from_nothing_gives(built: Built, tmp_path: Path) -> None:
    warehouse, seen = built
    again, scratch = Warehouse(tmp_path / "again"), Warehouse(tmp_path / "scratch")
    shutil.copytree(warehouse.root, again.root)
    shutil.copytree(warehouse.root / "landing", scratch.root / "landing")
    for one in (again, scratch):
        resent = [customer(1), customer(2), customer(3, village_code=None, branch_code="B2")]
        one.land("core.customer", FIRST, [row | {"batch_id": "second version"} for row in resent])
        balances = [{"account_id": "a3", "balance_date": FIRST, "balance": 700000}]
        one.land("core.account_balance", FIRST, balances)
        one.land("core.transaction", FIRST, [posting(1, FIRST, 55.0)])
        # as qianmo.build does: the date sent again, and every later one
        for day in (FIRST, SECOND):
            one.build(day, *MODELS, command=RUN)
    assert marts(again) == marts(scratch)
    assert marts(again)["mart_grid"] != seen[SECOND]["mart_grid"]
    deposits = "select deposits from marts.mart_grid where grid_name = '未分配' order by business_date"
    assert again.rows(deposits) == [(700000,), (700000,)], "the later date carries the balance sent again forward"


def dataset_columns(warehouse: Warehouse) -> dict[str, str]:
    """Columns of the wide row's dataset as Superset is given them, with their labels."""
    home = BankHome(warehouse.root / "superset")
    home.warehouse.parent.mkdir(parents=True)
    shutil.copy(warehouse.file, home.warehouse)
    with duckdb.connect(str(home.warehouse)) as connection:
        # of another selection of models; whoever signs in is of no matter here
        connection.execute("create table marts.dim_user_scope (login varchar, role varchar)")
    bank = Bank("tiny", home.root, "a", "示范农商银行", "Asia/Shanghai", home.root, {}, home)
    publish(bank, SECOND)
    known = marts_of_manifest(warehouse.root / "target" / "manifest.json")
    assets.write(bank, {name: known[name] for name in ("mart_customer_360", "dim_tag")}, [], home.root)
    dataset = yaml.safe_load((home.root / "assets/datasets/marts/mart_customer_360.yaml").read_text(encoding="utf-8"))
    return {column["column_name"]: column["verbose_name"] for column in dataset["columns"]}


def test_a_tag_is_added_with_one_file_and_a_day_repeated(built: Built, tmp_path: Path) -> None:
    warehouse, seen = built
    definitions = tmp_path / "definitions"
    shutil.copytree(DEFINITIONS, definitions)
    (definitions / "tags" / "rich.yml").write_text(
        "code: rich\nname: 大额存款\nfamily: product\ndefinition: 存款$amount元以上\nowner: 零售业务部\n"
        "sensitivity: C1\n"
        "parameters: {amount: 500000}\nwhen: deposit_balance >= $amount\nevidence: [deposit_balance]\n"
        "tests:\n- {given: {deposit_balance: 500000}}\n- {given: {deposit_balance: 499999}, has: false}\n",
        encoding="utf-8",
    )
    copy = Warehouse(tmp_path / "copy")
    shutil.copytree(warehouse.root, copy.root)
    copy.build(SECOND, *MODELS, definitions=definitions, command=RUN)
    assert copy.rows("select core_customer_id from marts.mart_customer_360 where tag_rich") == [("c1",)]
    row = "select valid_from, evidence from marts.fct_customer_tag where tag_code = 'rich'"
    assert copy.rows(row) == [(SECOND, '{"deposit_balance":900000.00}')]
    catalogue = "select tag_name, definition, parameters, rule, customers from marts.dim_tag where tag_code = 'rich'"
    rule = "deposit_balance >= 500000"
    assert copy.rows(catalogue) == [("大额存款", "存款500000元以上", "amount = 500000", rule, 1)]
    day = "select business_date, branch_code, customers, entered_customers from marts.mart_tag_day"
    assert copy.rows(f"{day} where tag_code = 'rich'") == [(SECOND, "B1", 1, 1)]
    overlap = "select overlap_share from marts.mart_tag_overlap where other_tag_code = 'aum_wealthy'"
    assert copy.rows(f"{overlap} and tag_code = 'rich'") == [(1.0,)]
    shown = dataset_columns(copy)
    assert (shown["tag_rich"], shown["tag_rich_text"]) == ("大额存款", "大额存款"), "Superset's dataset has it too"
    others = [row for row in contents(copy, "marts.fct_customer_tag") if "'tag_code': rich" not in row]
    assert others == seen[SECOND]["fct_customer_tag"], "the other tags of the repeated day are as they were"
    assert marts(copy)["mart_grid"] == seen[SECOND]["mart_grid"]


def test_a_new_rule_version_moves_only_whom_it_decides_differently(built: Built, tmp_path: Path) -> None:
    warehouse, seen = built
    definitions = tmp_path / "definitions"
    shutil.copytree(DEFINITIONS, definitions)
    file = definitions / "tags" / "aum_wealthy.yml"
    text = file.read_text(encoding="utf-8")
    assert "{amount: 500000}" in text
    file.write_text(text.replace("{amount: 500000}", "{amount: 2000}"), encoding="utf-8")
    copy = Warehouse(tmp_path / "copy")
    shutil.copytree(warehouse.root, copy.root)
    copy.build(THIRD, *MODELS, definitions=definitions, command=RUN)
    carriers = (
        "select core_customer_id, valid_from, rule_version from marts.fct_customer_tag inner join marts.dim_customer "
    )
    carriers += "using (customer_id) where tag_code = 'aum_wealthy' and valid_to is null order by 1"
    [[new]] = copy.rows("select rule_version from marts.dim_tag where tag_code = 'aum_wealthy'")
    [[old]] = warehouse.rows("select rule_version from marts.dim_tag where tag_code = 'aum_wealthy'")
    assert new != old
    assert copy.rows(carriers) == [("c1", SECOND, old), ("c2", THIRD, new), ("c3", THIRD, new)], (
        "c1 carried it under the old rule and still does: since when, and why then, stays"
    )
    others = [row for row in contents(copy, "marts.fct_customer_tag") if "'tag_code': aum_wealthy" not in row]
    before = [row for row in seen[SECOND]["fct_customer_tag"] if "'tag_code': aum_wealthy" not in row]
    assert set(before) <= set(others), "no other row was touched"


def test_tag_days_tell_who_came_and_went(built: Built) -> None:
    warehouse, _ = built
    days = "select business_date, branch_code, customers, entered_customers, left_customers from marts.mart_tag_day "
    assert warehouse.rows(days + "where tag_code = 'credited_not_drawn' order by all") == [
        (FIRST, "B1", 2, 2, 0),
        (SECOND, "B1", 0, 0, 1),
        (SECOND, "B2", 1, 0, 0),
    ], "the line of c1 expired, and c2 moved to B2 without leaving"
    assert warehouse.rows(days + f"where tag_code = 'aum_band' and business_date = '{SECOND}' order by all") == [
        (SECOND, "B1", 2, 0, 0),
        (SECOND, "B2", 1, 0, 0),
    ], "another band is neither an entry nor an exit"


def test_overlap_is_what_counting_customers_gives(built: Built) -> None:
    warehouse, _ = built
    counted = warehouse.rows(
        """
        with held as (select customer_id, tag_code from marts.fct_customer_tag where valid_to is null)
        select one.tag_code, other.tag_code, count(*)
        from held as one inner join held as other on one.customer_id = other.customer_id
        where one.tag_code <> other.tag_code group by all order by all
        """
    )
    overlap = "select tag_code, other_tag_code, both_customers from marts.mart_tag_overlap order by all"
    assert warehouse.rows(overlap) == counted
    assert len(counted) > 100
    figures = "select either_customers, overlap_share, jaccard_share, lift_value from marts.mart_tag_overlap "
    figures += "where tag_code = 'aum_band' and other_tag_code = 'aum_wealthy'"
    assert warehouse.rows(figures) == [(3, 1 / 3, 1 / 3, 1.0)], "three customers have a band, one of them is wealthy"


def test_nothing_raw_in_the_marts(built: Built) -> None:
    warehouse, _ = built
    keyed = warehouse.rows(
        "select table_name from duckdb_columns() where schema_name = 'marts' and column_name like '%\\_key' escape '\\'"
    )
    assert {name for (name,) in keyed} <= {"dim_customer"}


def test_killed_between_delete_and_insert_leaves_the_day_whole(built: Built) -> None:
    """The rewind and the rebuild of the history are one transaction: a failing rebuild changes nothing."""
    warehouse, _ = built
    before = contents(warehouse, "marts.fct_customer_tag")
    broken = warehouse.root / "broken" / "tags"
    broken.mkdir(parents=True)
    (broken / "broken.yml").write_text(
        "code: broken\nname: 坏\nfamily: product\ndefinition: 出错\nowner: 零售业务部\nsensitivity: C1\n"
        "when: deposit_balance = error('broken on purpose')\nevidence: [deposit_balance]\n"
        "tests:\n- {given: {deposit_balance: 1}}\n- {given: {deposit_balance: 0}, has: false}\n",
        encoding="utf-8",
    )
    with pytest.raises(AssertionError, match="broken on purpose"):
        warehouse.build(SECOND, "--select", "fct_customer_tag", definitions=broken.parent, command=RUN)
    with duckdb.connect(str(warehouse.file)):
        pass  # recovers whatever the failed run left behind
    assert contents(warehouse, "marts.fct_customer_tag") == before
