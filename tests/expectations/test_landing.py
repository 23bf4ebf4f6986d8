"""Gate 1 passes good batches, refuses bad ones with the place of the rows, and knows a broken check from bad data."""

import csv
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expectations.landing import check_landing
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import DataRefusedError, ToolBrokenError
from tests.expectations.conftest import DAY, Landed

ID_NUMBER = "321281199003078888"
PHONE = "13812345678"


def customer(number: int, **other: Any) -> dict[str, Any]:
    return {
        "customer_id": f"C{number:04d}",
        "customer_type": "person",
        "name_masked": "王**",
        "open_date": date(2020, 1, 1),
        "branch_code": "0101",
        "is_staff": False,
        "is_deceased": False,
        "risk_list": "none",
        "status": "active",
    } | other


def account(number: int, customer_id: str) -> dict[str, Any]:
    return {
        "account_id": f"A{number}",
        "customer_id": customer_id,
        "product_code": "P1",
        "account_type": "demand",
        "deposit_class": "savings",
        "is_basic_account": False,
        "currency": "CNY",
        "open_date": date(2020, 1, 1),
        "branch_code": "0101",
        "status": "active",
    }


def test_good_batches_pass_and_are_recorded(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [customer(n) for n in range(20)])
    result = check_landing(bank, "core", DAY)
    assert result.checks
    assert not result.critical_failures
    assert not result.warnings
    recorded = ledger.rows(bank.home, ledger.gate_result, gate="landing", business_date=DAY.isoformat())
    assert {row["subject"] for row in recorded} == {"core.customer", "core.batches"}
    assert all(row["success"] for row in recorded)
    assert result.data_docs is not None
    assert result.data_docs.read_text(encoding="utf-8").count("core.customer") > 0
    pages = list(result.data_docs.parent.rglob("*.html"))
    assert len(pages) == 3
    for page in pages:  # a closed network has none of the hosts that the stock pages load from
        assert not re.search(r"""(src|url\()\s*=?\s*["']?https?:|<link""", page.read_text(encoding="utf-8"))
    assert "landing-core" in (bank.home.data_docs / "index.html").read_text(encoding="utf-8")


def test_bad_rows_are_refused_and_found(bank: Bank, landed: Landed) -> None:
    rows = [customer(n) for n in range(20)]
    rows[3]["open_date"] = None
    rows[4]["risk_list"] = "purple"
    rows[5]["customer_id"] = rows[6]["customer_id"]
    rows[7]["open_date"] = date(2026, 10, 1)
    landed("core.customer", rows)
    with pytest.raises(DataRefusedError) as refused:
        check_landing(bank, "core", DAY)
    message = str(refused.value)
    for code in ("required:open_date", "accepted:risk_list", "key_unique", "not_in_future:open_date"):
        assert code in message
    assert "observed 1 of 20 rows" in message
    assert "2026-09-28/landing-core/index.html" in message
    found = {
        path.name.removeprefix("core.customer.").removesuffix(".csv"): [
            row["customer_id"] for row in csv.DictReader(path.open())
        ]
        for path in (bank.home.root / "failed_rows" / "2026-09-28" / "landing-core").glob("*.csv")
    }
    assert found == {
        "required.open_date": ["C0003"],
        "accepted.risk_list": ["C0004"],
        "key_unique": ["C0006", "C0006"],
        "not_in_future.open_date": ["C0007"],
    }
    failed = ledger.rows(bank.home, ledger.gate_result, success=0)
    assert {row["expectation"] for row in failed} == {
        "required:open_date", "accepted:risk_list", "key_unique", "not_in_future:open_date"
    }  # fmt: skip


def test_a_repaired_batch_clears_the_earlier_failure(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [customer(1, risk_list="purple")])
    with pytest.raises(DataRefusedError):
        check_landing(bank, "core", DAY)
    landed("core.customer", [customer(1)])
    check_landing(bank, "core", DAY)
    assert not ledger.rows(bank.home, ledger.gate_result, success=0)
    assert not list((bank.home.root / "failed_rows").rglob("*.csv"))


def test_ledger_must_agree_with_what_is_stored(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [customer(n) for n in range(5)], rows_in=7, rows_landed=6, rows_quarantined=1)
    with pytest.raises(DataRefusedError, match=r"core\.batches reconciliation"):
        check_landing(bank, "core", DAY)


@pytest.mark.parametrize(("quarantined", "refused"), [(1, False), (2, True)])
def test_quarantine_is_a_warning_until_its_limit(bank: Bank, landed: Landed, quarantined: int, refused: bool) -> None:
    rows = [customer(n) for n in range(25 - quarantined)]
    landed("core.customer", rows, rows_in=25, rows_quarantined=quarantined)
    if refused:
        with pytest.raises(DataRefusedError, match="quarantine_limit"):
            check_landing(bank, "core", DAY)
    else:
        assert [check.code for check in check_landing(bank, "core", DAY).warnings] == ["quarantine_any"]


def test_an_empty_first_load_of_customers_is_refused(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [])
    with pytest.raises(DataRefusedError, match=r"core\.customer row_count"):
        check_landing(bank, "core", DAY)


def test_a_day_without_changes_passes(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [customer(n) for n in range(5)])
    landed("core.customer", [], day=date(2026, 9, 29))
    assert not check_landing(bank, "core", date(2026, 9, 29)).warnings


def test_references_and_volume_warn(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [customer(n) for n in range(500)], day=date(2026, 9, 25))
    for day, count in ((26, 60), (27, 60), (28, 300)):
        landed("core.customer", [customer(n) for n in range(count)], day=date(2026, 9, day))
    landed("core.account", [account(1, "C0001")], day=date(2026, 9, 25))
    landed("core.account_balance", [], day=date(2026, 9, 25))
    balance = {"balance_date": DAY, "balance": 1}
    landed("core.account_balance", [{"account_id": "A1"} | balance, {"account_id": "A9"} | balance])
    result = check_landing(bank, "core", DAY)
    assert {(check.subject, check.code) for check in result.warnings} == {
        ("core.batches", "volume"),
        ("core.account_balance", "references:account_id"),
    }
    (reference,) = [check for check in result.warnings if check.code == "references:account_id"]
    assert reference.failed_rows is not None
    assert [row["account_id"] for row in csv.DictReader(reference.failed_rows.open())] == ["A9"]


def test_data_without_a_valid_legal_basis_are_refused(bank: Bank, landed: Landed) -> None:
    row = {"customer_id": "C1", "channel": "sms", "opted_out_date": DAY, "basis_source": "返回", "legal_basis": "合同"}
    landed("marketing.opt_out", [row | {"basis_expiry": date(2026, 9, 27)}])
    with pytest.raises(DataRefusedError, match="legal_basis"):
        check_landing(bank, "marketing", DAY)


def test_no_identifier_reaches_results_or_data_docs(bank: Bank, landed: Landed) -> None:
    """A free text that holds identifiers is named by its key alone."""
    basis = {"basis_source": "x", "legal_basis": "x", "basis_expiry": date(2027, 1, 1)}
    visit = {
        "customer_id": "C1",
        "manager_id": "M1",
        "visit_type": "general",
    }
    landed("marketing.visit", [
        basis | visit | {"visit_id": "V1", "visited_at": DAY, "content": f"电话{PHONE}，证件 {ID_NUMBER}"},
        basis | visit | {"visit_id": "V2", "visited_at": DAY, "content": "有购机需求"},
    ])  # fmt: skip
    result = check_landing(bank, "marketing", DAY)
    (warning,) = result.warnings
    assert warning.code == "raw_identifier"
    assert warning.failed_rows is not None
    assert [row["visit_id"] for row in csv.DictReader(warning.failed_rows.open())] == ["V1"]
    written = [path for path in bank.home.root.rglob("*") if path.is_file() and "landing" not in path.parts[:-2]]
    written = [path for path in written if path.suffix != ".parquet"]
    assert any(path.suffix == ".html" for path in written)
    for path in written:
        content = path.read_bytes()
        assert PHONE.encode() not in content, path
        assert ID_NUMBER.encode() not in content, path


def test_a_crashed_check_is_not_the_fault_of_the_data(bank: Bank, landed: Landed, tmp_path: Path) -> None:
    """A batch whose Parquet lacks a column: the column check fails, the checks on that column cannot be computed."""
    import duckdb

    file = landed("core.customer", [customer(1)])
    duckdb.sql(f"copy (select * exclude (risk_list) from '{file}') to '{tmp_path / 'less.parquet'}'")
    (tmp_path / "less.parquet").replace(file)
    with pytest.raises(ToolBrokenError, match="accepted:risk_list"):
        check_landing(bank, "core", DAY)
    row = ledger.rows(bank.home, ledger.gate_result, expectation="accepted:risk_list")[0]
    assert (row["success"], row["observed"]) == (0, "crashed")


def test_nothing_landed_means_nothing_to_check(bank: Bank) -> None:
    assert check_landing(bank, "acquiring", DAY).checks == ()


def test_a_landed_file_that_cannot_be_read_is_not_the_fault_of_the_data(bank: Bank, landed: Landed) -> None:
    landed("core.customer", [customer(1)]).write_bytes(b"PAR1 cut off")
    with pytest.raises(ToolBrokenError, match=r"landing-core of 2026-09-28: .* cannot be read"):
        check_landing(bank, "core", DAY)
