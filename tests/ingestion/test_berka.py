"""The second bank: real, public, de-identified data, read where they are and mapped without code."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ingestion.bank import Bank, load_bank
from ingestion.land import complete, land
from qianmo.home import PROJECT_ROOT
from qianmo.ledger import landing_batch, rows
from qianmo.settings import create_keys, keys
from tests.ingestion.conftest import landed

DAY = date(1998, 12, 31)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QIANMO_HOME", str(tmp_path_factory.mktemp("berka")))
        keys.cache_clear()
        create_keys()
        bank = load_bank(PROJECT_ROOT / "banks" / "berka")
        if not (bank.inbox / "client.csv").is_file():
            pytest.skip(f"no Berka data in {bank.inbox}")
        for source in bank.sources:
            land(bank, source, DAY)
        yield bank
    keys.cache_clear()


def test_nothing_is_lost(bank: Bank) -> None:
    assert complete(bank, DAY) == []
    counts = {row["table_name"]: row for row in rows(bank.home, landing_batch)}
    for table, count in {
        "customer": 5369,
        "account": 4500,
        "transaction": 30200,
        "credit_line": 682,
        "loan": 682,
        "product_signup": 892,
        "grid": 77,
    }.items():
        row = counts[table]
        assert (row["rows_in"], row["rows_landed"], row["rows_quarantined"]) == (count, count, 0), table
    assert all(row["rows_in"] == row["rows_landed"] + row["rows_quarantined"] for row in counts.values())


def test_loans_keep_the_status_of_the_source(bank: Bank) -> None:
    found = landed(bank, "credit.loan", "source_status, status, outstanding > 0, disbursed_date, maturity_date")
    by_status = {s: sum(row[0] == s for row in found) for s in "ABCD"}
    assert by_status == {"A": 203, "B": 31, "C": 403, "D": 45}
    assert {row[:3] for row in found} == {
        ("A", "settled", False),
        ("B", "written_off", None),
        ("C", "normal", True),
        ("D", "overdue", True),
    }
    assert all(row[3] < row[4] for row in found)


def test_birth_numbers_tell_birth_date_and_gender(bank: Bank) -> None:
    found = {
        customer: (born, gender)
        for customer, born, gender in landed(bank, "core.customer", "customer_id, birth_date, gender")
    }
    assert found["1"] == (date(1970, 12, 13), "F")
    assert found["2"] == (date(1945, 2, 4), "M")
    assert all(born.year < 1990 for born, _ in found.values())


def test_postings_are_signed_and_their_balances_continue(bank: Bank) -> None:
    postings = landed(bank, "core.transaction", "amount, summary_code")
    assert {amount > 0 for amount, code in postings if code == "withdrawal"} == {False}
    assert {amount > 0 for amount, code in postings if code in ("deposit", "transfer_in")} == {True}
    [[close]] = [
        row[2:]
        for row in landed(bank, "core.account_balance", "account_id, balance_date, balance::double")
        if row[:2] == ("25", date(1996, 9, 6))
    ]
    assert close == 77580.0, "113,580 came first: the withdrawal of 36,000 leads from it to 77,580"


def test_data_are_read_where_they_are(bank: Bank) -> None:
    copied = [path for path in Path(PROJECT_ROOT / "banks" / "berka").rglob("*.csv") if path.stat().st_size > 2000]
    assert copied == []
    assert not bank.home.inbox.exists()
