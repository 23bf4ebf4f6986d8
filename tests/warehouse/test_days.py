"""Three business dates on a handful of customers: what a day changes, and that repeating or rebuilding one is safe."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qianmo.definitions import DEFINITIONS
from tests.warehouse.conftest import Warehouse, empty_warehouse, person

FIRST, SECOND, THIRD = date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)

MODELS = ("--select", "+mart_customer_360", "+mart_grid", "+dim_tag", "+dim_customer")
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


def test_a_tag_is_added_with_one_file_and_a_day_repeated(built: Built, tmp_path: Path) -> None:
    warehouse, seen = built
    definitions = tmp_path / "definitions"
    shutil.copytree(DEFINITIONS, definitions)
    (definitions / "tags" / "rich.yml").write_text(
        "code: rich\nname: 大额存款\nfamily: product\ndefinition: 存款50万元以上\nowner: 零售业务部\n"
        "sensitivity: C1\nwhen: deposit_balance >= 500000\nevidence: [deposit_balance]\n",
        encoding="utf-8",
    )
    copy = Warehouse(tmp_path / "copy")
    shutil.copytree(warehouse.root, copy.root)
    copy.build(SECOND, *MODELS, definitions=definitions, command=RUN)
    assert copy.rows("select core_customer_id from marts.mart_customer_360 where tag_rich") == [("c1",)]
    row = "select valid_from, evidence from marts.fct_customer_tag where tag_code = 'rich'"
    assert copy.rows(row) == [(SECOND, '{"deposit_balance":900000.00}')]
    assert copy.rows("select tag_name, customers from marts.dim_tag where tag_code = 'rich'") == [("大额存款", 1)]
    others = [row for row in contents(copy, "marts.fct_customer_tag") if "'tag_code': rich" not in row]
    assert others == seen[SECOND]["fct_customer_tag"], "the other tags of the repeated day are as they were"
    assert marts(copy)["mart_grid"] == seen[SECOND]["mart_grid"]


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
        "when: error('broken on purpose')\nevidence: [deposit_balance]\n",
        encoding="utf-8",
    )
    with pytest.raises(AssertionError, match="broken on purpose"):
        warehouse.build(SECOND, "--select", "fct_customer_tag", definitions=broken.parent, command=RUN)
    with duckdb.connect(str(warehouse.file)):
        pass  # recovers whatever the failed run left behind
    assert contents(warehouse, "marts.fct_customer_tag") == before
