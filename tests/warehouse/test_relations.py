"""Payments between accounts, batch by batch: a day costs its own postings, and repeating or rebuilding one is safe."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.conftest import Warehouse, empty_warehouse, person

FIRST, SECOND, THIRD = date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)
PAIRS = "intermediate.int_relation__posting_pair_day"
SELECTED = ("--select", "+int_relation__posting_pair_day")
RUN = ("run",)


def account(number: int) -> dict[str, Any]:
    return {
        "account_id": f"a{number}",
        "customer_id": f"c{number}",
        "account_number_key": f"k{number}",
        "product_code": "p",
        "account_type": "demand",
        "deposit_class": "settlement",
        "is_basic_account": True,
        "currency": "CNY",
        "open_date": date(2020, 1, 1),
        "branch_code": "B1",
        "status": "active",
    }


def payment(number: int, day: date, account_id: str, amount: float, **columns: Any) -> dict[str, Any]:
    known = {
        "transaction_id": f"t{number}",
        "account_id": account_id,
        "posting_date": day,
        "amount": amount,
        "channel": "online",
        "summary_code": "transfer_out" if amount < 0 else "transfer_in",
        "counterparty_account_key": "k2",
        "counterparty_bank": "own",
    }
    return known | columns


def pairs(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select account_id, counterparty_account_key, posting_date, paid_count, paid_amount, received_count,"
        f" received_amount from {PAIRS} where account_id <> '' order by all"
    )


@pytest.fixture(scope="module")
def built(warehouse: Warehouse) -> Warehouse:
    firm = person(1, customer_type="enterprise", credit_code="91X", id_number_key=None, id_number_is_valid=None)
    warehouse.land("core.customer", FIRST, [firm, person(2), person(3)])
    warehouse.land("core.account", FIRST, [account(1), account(2), account(3)])
    warehouse.land(
        "core.transaction",
        FIRST,
        [
            payment(1, FIRST, "a1", -100),
            payment(2, FIRST, "a1", -50),
            payment(3, FIRST, "a1", 30, counterparty_account_key="k3"),
            payment(4, FIRST, "a2", 100, counterparty_account_key="k1"),
            payment(5, FIRST, "a1", -9, counterparty_bank="ICBC"),
            payment(6, FIRST, "a1", -9, summary_code="salary"),
            payment(7, FIRST, "a1", -9, counterparty_account_key=None),
        ],
    )
    # a day without any payment of a firm
    warehouse.land("core.transaction", SECOND, [payment(8, SECOND, "a3", 5)])
    warehouse.land("core.transaction", THIRD, [payment(9, THIRD, "a1", -70), payment(1, FIRST, "a1", -100)])
    for day in (FIRST, SECOND, THIRD):
        warehouse.build(day, *SELECTED, command=RUN)
    return warehouse


def test_a_firms_payments_within_the_bank_by_day(built: Warehouse) -> None:
    assert pairs(built) == [
        ("a1", "k2", FIRST, 2, 150, 0, 0),
        ("a1", "k2", THIRD, 1, 70, 0, 0),
        ("a1", "k3", FIRST, 0, 0, 1, 30),
    ], "a person's own postings, other banks, salaries and repeated postings make no row"


def test_every_batch_is_known_so_none_is_read_again(built: Warehouse) -> None:
    taken = built.rows(f"select distinct business_date from {PAIRS} where account_id = '' order by 1")
    assert taken == [(FIRST,), (SECOND,), (THIRD,)]


def test_a_batch_sent_again_gives_what_building_from_nothing_gives(built: Warehouse, tmp_path: Path) -> None:
    again, scratch = Warehouse(tmp_path / "again"), empty_warehouse(tmp_path / "scratch")
    shutil.copytree(built.root, again.root)
    shutil.copytree(built.root / "landing", scratch.root / "landing", dirs_exist_ok=True)
    for one in (again, scratch):
        resent = [payment(8, SECOND, "a3", 5), payment(10, SECOND, "a1", -1), payment(11, SECOND, "a1", -2)]
        one.land("core.transaction", SECOND, resent)
        one.build(THIRD, *SELECTED, command=RUN)
    assert pairs(again) == pairs(scratch)
    assert ("a1", "k2", SECOND, 2, 3, 0, 0) in pairs(again)
