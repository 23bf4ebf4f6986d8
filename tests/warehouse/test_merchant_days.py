"""A merchant's days follow the transactions: one delivered late, changed or deleted corrects the day it belongs to."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.warehouse.conftest import Warehouse

FIRST, SECOND, THIRD = date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)
MODEL = ("--select", "+int_merchant_day__aggregated", "stg_acquiring__merchant_transaction")
TABLE = "acquiring.merchant_transaction"
STANDING = """
    select merchant_id, transaction_date, cast(sum(transaction_count) as bigint), sum(amount), sum(qr_amount)
    from intermediate.int_merchant_day__aggregated where business_date <= date '{day}'
    group by all having sum(transaction_count) <> 0 or sum(amount) <> 0 order by all
"""


def transaction(number: int, day: date, amount: int, merchant: str = "m1", method: str = "qr") -> dict[str, Any]:
    return {
        "transaction_id": f"t{number}",
        "merchant_id": merchant,
        "transaction_date": day,
        "amount": amount,
        "pay_method": method,
        "is_deleted": False,
    }


def deleted(number: int) -> dict[str, Any]:
    return {"transaction_id": f"t{number}", "is_deleted": True}


def days(warehouse: Warehouse, day: date) -> list[tuple[Any, ...]]:
    return warehouse.rows(STANDING.format(day=day))


@pytest.fixture(scope="module")
def built(warehouse: Warehouse) -> Warehouse:
    warehouse.land(
        TABLE,
        FIRST,
        [
            transaction(1, FIRST, 10),
            transaction(2, FIRST, 20, method="card"),
            transaction(3, FIRST, 40),
            transaction(4, FIRST, 80, "m2"),
        ],
    )
    warehouse.land(
        TABLE,
        SECOND,
        [
            transaction(1, FIRST, 11),  # another amount
            deleted(2),
            transaction(3, FIRST, 40, "m2"),  # another merchant
            transaction(5, date(2026, 8, 1), 160),  # late
            transaction(6, SECOND, 320),
            deleted(7),  # never landed
        ],
    )
    warehouse.land(TABLE, THIRD, [transaction(2, FIRST, 20, method="card"), deleted(4), deleted(5)])
    for day in (FIRST, THIRD):  # the second is taken in with the third
        warehouse.build(day, *MODEL)
    return warehouse


AS_OF = {
    FIRST: [("m1", FIRST, 3, Decimal(70), Decimal(50)), ("m2", FIRST, 1, Decimal(80), Decimal(80))],
    SECOND: [
        ("m1", date(2026, 8, 1), 1, Decimal(160), Decimal(160)),
        ("m1", FIRST, 1, Decimal(11), Decimal(11)),
        ("m1", SECOND, 1, Decimal(320), Decimal(320)),
        ("m2", FIRST, 2, Decimal(120), Decimal(120)),
    ],
    THIRD: [
        ("m1", FIRST, 2, Decimal(31), Decimal(11)),
        ("m1", SECOND, 1, Decimal(320), Decimal(320)),
        ("m2", FIRST, 1, Decimal(40), Decimal(40)),
    ],
}


@pytest.mark.parametrize("day", AS_OF)
def test_the_days_as_they_stood_on_a_date(built: Warehouse, day: date) -> None:
    assert days(built, day) == AS_OF[day]


def test_staging_shows_the_live_transactions(built: Warehouse) -> None:
    live = built.rows("select transaction_id, amount from staging.stg_acquiring__merchant_transaction order by all")
    assert live == [("t1", 11), ("t2", 20), ("t3", 40), ("t6", 320)]


def test_a_batch_landed_again_is_taken_in(built: Warehouse) -> None:
    rows = [transaction(1, FIRST, 12), transaction(6, SECOND, 320)]
    built.land(TABLE, SECOND, rows)
    built.build(THIRD, *MODEL)
    once = days(built, THIRD)
    assert once == [("m1", FIRST, 3, Decimal(72), Decimal(52)), ("m1", SECOND, 1, Decimal(320), Decimal(320))]
    incremental = built.rows("from intermediate.int_merchant_day__aggregated order by all")
    built.build(THIRD, *MODEL, "--full-refresh")
    assert built.rows("from intermediate.int_merchant_day__aggregated order by all") == incremental
