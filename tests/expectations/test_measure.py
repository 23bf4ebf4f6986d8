"""Gate 1 knows what is usual for a table, and says so in numbers."""

import csv
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from expectations.gate import GateResult
from expectations.landing import check_landing
from ingestion.bank import Bank, SourceDescription
from qianmo import ledger
from qianmo.errors import DataRefusedError
from tests.expectations.conftest import DAY, Landed
from tests.expectations.test_landing import customer

BASIS = {"basis_source": "x", "legal_basis": "x", "basis_expiry": date(2027, 1, 1)}


def nights(last: date, count: int) -> list[date]:
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]


def customers(count: int, without_gender: int = 0, grey: int = 0) -> list[dict[str, Any]]:
    return [
        customer(n, gender=None if n < without_gender else "F", risk_list="grey" if n < grey else "none")
        for n in range(count)
    ]


def check_each(bank: Bank, landed: Landed, days: Sequence[date], rows: Sequence[list[dict[str, Any]]]) -> GateResult:
    """Land and check a batch of core.customer each day, after a full load on the day before; the last result."""
    landed("core.customer", customers(500), day=days[0] - timedelta(days=1))
    check_landing(bank, "core", days[0] - timedelta(days=1))
    for day, batch in zip(days, rows, strict=True):
        landed("core.customer", batch, day=day)
        result = check_landing(bank, "core", day)
    return result


def measured(bank: Bank, day: date, measure: str, **equal: Any) -> dict[str, Any]:
    [row] = ledger.rows(bank.home, ledger.gate_measure, business_date=day.isoformat(), measure=measure, **equal)
    return row


def warned(result: GateResult) -> set[str]:
    return {check.code for check in result.warnings}


def test_a_field_that_is_suddenly_empty_is_told_with_its_share_and_what_is_usual(bank: Bank, landed: Landed) -> None:
    days = nights(DAY, 6)
    result = check_each(bank, landed, days, [customers(100, 10)] * 5 + [customers(100, 60)])
    assert warned(result) == {"null_share"}
    [check] = result.warnings
    assert check.failed_rows is not None
    [row] = csv.DictReader(check.failed_rows.open())
    assert (row["table_name"], row["column_name"], row["value"]) == ("core.customer", "gender", "0.6")
    stored = measured(bank, DAY, "null_share", column_name="gender")
    assert (stored["subject"], stored["value"]) == ("core.customer", 0.6)
    assert stored["lower"] == 0.0
    assert 0.1 < stored["upper"] < 0.6
    before = measured(bank, days[0], "null_share", column_name="gender")
    assert (before["lower"], before["upper"]) == (None, None), "the full load is no past of a day's changes"


def test_one_odd_night_in_the_past_neither_hides_nor_makes_a_fault(bank: Bank, landed: Landed) -> None:
    days = nights(DAY, 7)
    usual, odd = customers(100, 10), customers(100, 100)
    result = check_each(bank, landed, days, [usual, usual, odd, usual, usual, usual, customers(100, 60)])
    assert warned(result) == {"null_share"}
    landed("core.customer", customers(100, 12))
    assert warned(check_landing(bank, "core", DAY)) == set()


def test_a_code_that_becomes_frequent_is_told(bank: Bank, landed: Landed) -> None:
    result = check_each(bank, landed, nights(DAY, 4), [customers(100)] * 3 + [customers(100, grey=40)])
    assert warned(result) == {"code_share"}
    assert measured(bank, DAY, "code_share", column_name="risk_list", code="grey")["value"] == 0.4


def test_a_sunday_is_measured_by_sundays(bank: Bank, landed: Landed) -> None:
    """Sundays bring a tenth of a weekday. The 27th is a Sunday, the 28th a Monday."""
    sunday = date(2026, 9, 27)
    for day in nights(date(2026, 9, 26), 36):
        landed("core.customer", customers(5), day=day, rows_in=100 if day.weekday() == 6 else 1000)
    landed("core.customer", customers(100), day=sunday)
    assert "volume" not in warned(check_landing(bank, "core", sunday))
    landed("core.customer", customers(100))
    assert "volume" in warned(check_landing(bank, "core", DAY))


def test_a_mark_of_a_deleted_row_is_not_checked_as_a_row(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [*customers(60), {"customer_id": "C9999", "is_deleted": True}])
    result = check_landing(bank, "core", DAY)
    assert not result.critical_failures
    assert measured(bank, DAY, "null_share", column_name="gender")["value"] == 0
    deleted = {"customer_id": "C1", "channel": "sms", "is_deleted": True}
    landed("marketing.opt_out", [deleted | {"channel": "phone"}])
    assert not check_landing(bank, "marketing", DAY).critical_failures


def test_postings_that_came_before_are_told(bank: Bank, landed: Landed) -> None:
    balance = {"balance_date": DAY, "balance": 1}
    landed("core.account_balance", [{"account_id": "A1"} | balance], day=DAY - timedelta(days=1))
    landed("core.account_balance", [{"account_id": "A1"} | balance, {"account_id": "A2"} | balance])
    assert warned(check_landing(bank, "core", DAY)) == {"repeated_keys"}
    assert measured(bank, DAY, "repeated_keys")["value"] == 0.5


def test_a_batch_without_a_recent_event_is_told(bank: Bank, landed: Landed) -> None:
    """The contract of visits lets the newest be seven days old."""
    visit = {"visit_id": "V1", "customer_id": "C1", "manager_id": "M1", "visit_type": "general"}
    for age, expected in ((7, set()), (8, {"event_age"})):
        landed("marketing.visit", [BASIS | visit | {"visited_at": DAY - timedelta(days=age)}])
        assert warned(check_landing(bank, "marketing", DAY)) == expected
        assert measured(bank, DAY, "event_age")["value"] == age


@pytest.mark.parametrize(("expiry", "refused"), [(DAY, True), (DAY + timedelta(days=1), False)])
def test_a_basis_ends_on_the_day_it_expires(bank: Bank, landed: Landed, expiry: date, refused: bool) -> None:
    row = {"customer_id": "C1", "channel": "sms", "opted_out_date": DAY}
    landed("marketing.opt_out", [row | BASIS | {"basis_expiry": expiry}])
    if refused:
        with pytest.raises(DataRefusedError, match="legal_basis"):
            check_landing(bank, "marketing", DAY)
    else:
        assert not check_landing(bank, "marketing", DAY).critical_failures


@pytest.fixture
def described(bank: Bank) -> Bank:
    """The bank with a daily file of customers, awaited by six in the morning."""
    mapped = {"due": "daily", "deadline_hours": 6, "files": "customer.csv", "map": {"customer_id": "id"}}
    table = mapped | {"format": {"kind": "delimited", "header": True}}
    source = SourceDescription.model_validate({"source": "core", "label": "核心", "tables": {"customer": [table]}})
    return replace(bank, sources={"core": source})


@pytest.mark.parametrize(("clock", "late"), [("06:00", False), ("06:01", True)])
def test_a_file_after_the_deadline_is_late(described: Bank, landed: Landed, clock: str, late: bool) -> None:
    file = described.inbox / "customer.csv"
    file.parent.mkdir(parents=True)
    file.write_text("id\n")
    arrived = datetime.fromisoformat(f"2026-09-29T{clock}").replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    os.utime(file, (arrived, arrived))
    landed("core.customer", customers(5), files='["customer.csv"]')
    assert warned(check_landing(described, "core", DAY)) == ({"late"} if late else set())
    assert measured(described, DAY, "late")["upper"] == 6


def test_a_delivery_that_is_due_and_not_there_refuses(described: Bank, landed: Landed) -> None:
    with pytest.raises(DataRefusedError, match=r"core\.batches due: expected 到期的数据都已落地"):
        check_landing(described, "core", DAY)
    landed("core.customer", customers(5))
    assert not check_landing(described, "core", DAY).critical_failures


def test_measures_of_an_earlier_run_are_replaced(bank: Bank, landed: Landed) -> None:
    landed("core.customer", customers(100, 10))
    check_landing(bank, "core", DAY)
    landed("core.customer", customers(10))
    check_landing(bank, "core", DAY)
    assert ledger.rows(bank.home, ledger.gate_measure, measure="null_share") == []
