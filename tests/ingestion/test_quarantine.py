"""Quarantine as a product: counted, shown without telling raw values, corrected, released."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ingestion.bank import Bank
from ingestion.land import land
from ingestion.quarantine import read_quarantine
from ingestion.quarantined import REASONS, counts, quarantined_rows, shape_of
from ingestion.release import Release, release
from ingestion.vault import reveal
from qianmo.build import input_digest
from qianmo.cli import app
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import PROJECT_ROOT
from qianmo.ledger import landing_batch, landing_reject, landing_version, quarantine_release, rows, vault_access
from tests.ingestion.conftest import (
    ACCOUNT,
    BALANCE,
    DAY,
    MakeBank,
    account_row,
    account_text,
    deliver_accounts,
    landed,
)

MENDED = ACCOUNT | {"map": ACCOUNT["map"] | {"deposit_class": "replace(cls, 'gold', 'pure')"}}


@pytest.fixture
def bank(make_bank: MakeBank) -> Bank:
    return make_bank(core={"account": ACCOUNT, "account_balance": BALANCE})


def deliver(bank: Bank, *accounts: list[str]) -> list[bytes]:
    """Deliver and land accounts; returns the lines."""
    text = account_text(list(accounts))
    deliver_accounts(bank.inbox, text, len(accounts))
    land(bank, "core", DAY, tables=["account"])
    return text.splitlines(keepends=True)


def batch_of(bank: Bank, table: str = "account") -> dict[str, Any]:
    return rows(bank.home, landing_batch, table_name=table)[0]


def quarantined(bank: Bank, table: str = "core.account") -> list[tuple[int, str, str]]:
    source, _, name = table.partition(".")
    return [(row.source_row, row.column, row.reason) for row in quarantined_rows(bank.home, source, name, DAY)]


def assert_whole(bank: Bank, table: str = "account") -> None:
    """The ledger, the landed file and the quarantine agree, and no row is in two places."""
    batch = batch_of(bank, table)
    source = batch["source"]
    numbers = [row[0] for row in landed(bank, f"{source}.{table}", "source_row", DAY)]
    held = [row[0] for row in quarantined(bank, f"{source}.{table}")]
    assert (batch["rows_landed"], batch["rows_quarantined"]) == (len(numbers), len(held))
    assert batch["rows_in"] == len(set(numbers) | set(held)) == len(numbers) + len(held)
    assert numbers == sorted(numbers)
    rejected = rows(bank.home, landing_reject, table_name=table)
    assert sum(row["rows_rejected"] for row in rejected) == len(held)
    assert sum(one.rows for one in counts(bank, source, table, DAY)) == len(held)
    if numbers:
        assert set(landed(bank, f"{source}.{table}", "batch_id", DAY)) == {(batch["batch_id"],)}


def test_the_counts_are_the_ledgers(bank: Bank) -> None:
    deliver(bank, account_row(1), account_row(2, cls="gold"), account_row(3, opened=""), account_row(4, cls="tin"))
    found = [(one.column, one.reason, one.reason_name, one.rows, one.contract_version) for one in counts(bank)]
    assert found == [
        ("deposit_class", "accepted", "取值不在范围内", 2, 1),
        ("open_date", "required", "必填项为空", 1, 1),
    ]
    assert counts(bank, "core", "account", DAY) == counts(bank)
    assert counts(bank, "core", "account_balance") == []
    assert_whole(bank)


def test_rows_pass_after_the_mapping_was_mended_without_the_file(bank: Bank, make_bank: MakeBank) -> None:
    deliver(bank, account_row(1), account_row(2, cls="gold"), account_row(3), account_row(4, opened="never"))
    built = input_digest(bank, DAY)
    before = batch_of(bank)
    for file in bank.inbox.iterdir():
        file.unlink()
    bank = make_bank(core={"account": MENDED, "account_balance": BALANCE})

    done = release(bank, "core.account", DAY)

    assert done == Release("core", "account", DAY, 1, 0, 0, {("open_date", "type"): 1})
    chosen = "account_id, deposit_class, account_number_masked, source_row"
    assert landed(bank, "core.account", chosen)[1] == ("A0002", "pure", "****0002", 2)
    assert [row[0] for row in landed(bank, "core.account", "source_row")] == [1, 2, 3]
    assert quarantined(bank) == [(4, "open_date", "type")]
    assert batch_of(bank)["batch_id"] == before["batch_id"] + ".r1"
    assert input_digest(bank, DAY) != built, "the date is not built again"
    keys = [row[0] for row in landed(bank, "core.account", "account_number_key")]
    assert reveal(bank.home, ["account_number"], keys, "test", "test").num_rows == 3
    [recorded] = rows(bank.home, quarantine_release)
    assert recorded["released_by"]
    assert (recorded["rows_released"], recorded["rows_kept"], recorded["batch_id"]) == (
        1,
        1,
        batch_of(bank)["batch_id"],
    )
    assert_whole(bank)


@pytest.mark.parametrize("mended", [False, True], ids=["corrected values", "mended mapping"])
def test_the_same_delivery_does_not_undo_a_release_and_another_replaces_it(
    bank: Bank, make_bank: MakeBank, tmp_path: Path, mended: bool
) -> None:
    accounts = [account_row(1), account_row(2, cls="gold")]
    deliver(bank, *accounts)
    if mended:
        bank = make_bank(core={"account": MENDED, "account_balance": BALANCE})
        release(bank, "core.account", DAY)
    else:
        release(bank, "core.account", DAY, corrected=corrected(bank, tmp_path, {2: {"cls": "pure"}}))
    released = (landed(bank, "core.account"), batch_of(bank))
    deliver_accounts(bank.inbox, account_text(accounts), 2)
    assert [result.status for result in land(bank, "core", DAY, tables=["account"])] == ["unchanged"]
    assert (landed(bank, "core.account"), batch_of(bank)) == released
    deliver(bank, account_row(1), account_row(5, opened=""))
    assert landed(bank, "core.account", "account_id") == [("A0001",)]
    assert quarantined(bank) == [(2, "open_date", "required")]
    assert_whole(bank)


def corrected(bank: Bank, folder: Path, changes: dict[int, dict[str, str]], table: str = "core.account") -> Path:
    """A file that `show --output` wrote, with cells changed by row number."""
    path = folder / "corrected.csv"
    path.unlink(missing_ok=True)
    qianmo(bank, "show", table, "--date", str(DAY), "--output", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        cells = [{**row, **changes.get(int(row["source_row"]), {})} for row in reader]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(cells)
    return path


def qianmo(bank: Bank, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["--bank", str(bank.folder), "quarantine", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_corrected_values_land_and_those_still_wrong_stay(bank: Bank, tmp_path: Path) -> None:
    lines = deliver(
        bank, account_row(1), account_row(2, cls="gold"), account_row(3, opened="20261301"), account_row(4, cls="tin")
    )
    file = corrected(bank, tmp_path, {2: {"cls": "savings"}, 3: {"opened": "", "org": "戴南支行"}})
    done = release(bank, "core.account", DAY, corrected=file)
    assert (done.rows_released, done.kept) == (1, {("deposit_class", "accepted"): 1, ("open_date", "required"): 1})
    assert quarantined(bank) == [(3, "open_date", "required"), (4, "deposit_class", "accepted")]
    raw = {row["source_row"]: row["raw"] for row in read_quarantine(bank.home, "core", "account", DAY).to_pylist()}
    assert raw == {3: lines[2], 4: lines[3]}, "the bytes are no longer those delivered"
    assert_whole(bank)
    # the same file, corrected further: what landed before is left alone
    file = corrected(bank, tmp_path, {3: {"opened": "20260301"}, 4: {"cls": "pure"}})
    with file.open("a", encoding="utf-8") as more:
        more.write(",".join(["2", *[""] * (file.read_text(encoding="utf-8").splitlines()[0].count(","))]) + "\n")
    done = release(bank, "core.account", DAY, corrected=file)
    assert (done.rows_released, done.rows_landed_before, done.kept) == (2, 1, {})
    assert [row[0] for row in landed(bank, "core.account", "source_row")] == [1, 2, 3, 4]
    assert release(bank, "core.account", DAY, corrected=file).rows_landed_before == 3
    assert not (bank.home.quarantine / "core" / "account" / f"{DAY}.parquet").exists()
    assert batch_of(bank)["batch_id"].endswith(".r2")
    assert_whole(bank)


def test_a_line_that_cannot_be_split_is_corrected_as_text(bank: Bank, tmp_path: Path) -> None:
    text = account_text([account_row(1), account_row(2), account_row(3)]).splitlines(keepends=True)
    text[1] = text[1].replace("兴化支行".encode("gb18030"), b"\xd0\xcb\xff\xff")
    text[2] = text[2].replace(b"|!|DQ001", b"", 1)
    deliver_accounts(bank.inbox, b"".join(text), 3)
    land(bank, "core", DAY, tables=["account"])
    shown = qianmo(bank, "show", "core.account", "--date", str(DAY), "--raw")
    assert r"兴\xff\xff" in shown
    path = corrected(bank, tmp_path, {})
    cells = {int(row["source_row"]): row["_raw"] for row in csv.DictReader(path.open(encoding="utf-8"))}
    with pytest.raises(ConfigurationError, match=r"source_row 2: expected a character in place of each"):
        release(bank, "core.account", DAY, corrected=corrected(bank, tmp_path, {2: {"_raw": cells[2] + " "}}))
    changes = {
        2: {"_raw": cells[2].replace(r"兴\xff\xff", "兴化支行")},
        3: dict(zip(ACCOUNT["format"]["columns"], account_row(3), strict=True)),
    }
    assert release(bank, "core.account", DAY, corrected=corrected(bank, tmp_path, changes)).rows_released == 2
    assert landed(bank, "core.account", "account_id, branch_code") == [
        (f"A000{number}", "兴化支行") for number in (1, 2, 3)
    ]
    assert_whole(bank)


def test_only_the_rows_of_the_reason_are_tried(bank: Bank, make_bank: MakeBank) -> None:
    deliver(bank, account_row(1, cls="gold"), account_row(2, opened="x"), account_row(3))
    mended = MENDED | {"map": MENDED["map"] | {"open_date": "replace(opened, 'x', '20260101')"}}
    bank = make_bank(core={"account": mended, "account_balance": BALANCE})
    assert release(bank, "core.account", DAY, reason="accepted").rows_released == 1
    assert quarantined(bank) == [(2, "open_date", "type")]
    assert_whole(bank)


def test_a_row_outside_the_table_is_neither_landed_nor_kept(bank: Bank, make_bank: MakeBank) -> None:
    deliver(bank, account_row(1), account_row(2, cls="gold"), account_row(3, cls="tin"))
    outside = ACCOUNT | {"where": "cls <> 'gold'"}
    bank = make_bank(core={"account": outside, "account_balance": BALANCE})
    done = release(bank, "core.account", DAY)
    assert (done.rows_released, done.rows_left_out) == (0, 1)
    assert quarantined(bank) == [(3, "deposit_class", "accepted")]
    assert_whole(bank)
    assert [r.status for r in land(bank, "core", DAY, tables=["account"])] == ["landed"], "the definition is another"
    assert quarantined(bank) == [(3, "deposit_class", "accepted")]
    assert_whole(bank)


def test_a_released_row_does_not_repeat_a_landed_key(bank: Bank, tmp_path: Path) -> None:
    deliver(bank, account_row(1), account_row(2, cls="gold"), account_row(1, org="戴南支行"), account_row(4, cls="tin"))
    assert quarantined(bank) == [
        (2, "deposit_class", "accepted"),
        (3, "account_id", "duplicate_key"),
        (4, "deposit_class", "accepted"),
    ]
    changes = {2: {"cls": "pure", "acct": "A0009"}, 4: {"cls": "pure", "acct": "A0009"}}
    done = release(bank, "core.account", DAY, corrected=corrected(bank, tmp_path, changes))
    assert (done.rows_released, done.kept) == (1, {("account_id", "duplicate_key"): 2})
    assert landed(bank, "core.account", "account_id, source_row") == [("A0001", 1), ("A0009", 2)]
    footer = pq.read_metadata(bank.home.landing / "core" / "account" / f"{DAY}.parquet").metadata
    assert footer[b"contract_version"] == b"1"
    assert_whole(bank)


def test_worksheet_rows_and_a_lookup_that_came_late(make_bank: MakeBank) -> None:
    described = {
        "files": "balance.xlsx",
        "format": {"kind": "xlsx", "columns": {"卡号": "card", "日期": "day", "余额": "amount"}},
        "lookups": {
            "holder": {
                "files": "cards.csv",
                "format": {"kind": "delimited", "header": True},
                "key": {"card": "card"},
            }
        },
        "map": {"account_id": "holder.account", "balance_date": "day", "balance": "amount"},
    }
    bank = make_bank(core={"account_balance": described})
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["余额表"], ["卡号", "日期", "余额"], [1, DAY, 5], [2, DAY, "六"], [3, DAY, 7]):
        sheet.append(row)
    book.save(bank.inbox / "balance.xlsx")
    cards = bank.inbox / "cards.csv"
    cards.write_text("card,account\n1,A1\n")
    land(bank, "core", DAY)
    table = "core.account_balance"
    assert quarantined(bank, table) == [(2, "account_id", "required"), (3, "account_id", "required")]
    cards.write_text("card,account\n1,A1\n2,A2\n3,A3\n")
    assert release(bank, table, DAY).kept == {("balance", "type"): 1}
    assert landed(bank, table, "account_id, balance::integer, source_row") == [("A1", 5, 1), ("A3", 7, 3)]
    assert [r.status for r in land(bank, "core", DAY)] == ["unchanged"]
    assert_whole(bank, "account_balance")


def test_a_failed_formula_stays_until_it_is_corrected(make_bank: MakeBank, tmp_path: Path) -> None:
    described = {
        "files": "balance.xlsx",
        "format": {"kind": "xlsx", "columns": {"账户": "account", "日期": "day", "余额": "amount"}},
        "map": {"account_id": "account", "balance_date": "day", "balance": "amount"},
    }
    bank = make_bank(core={"account_balance": described})
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["账户", "日期", "余额"], ["A1", DAY, 5], ["#REF!", DAY, 6]):
        sheet.append(row)
    book.save(bank.inbox / "balance.xlsx")
    land(bank, "core", DAY)
    table = "core.account_balance"
    assert release(bank, table, DAY).kept == {("", "formula_error"): 1}
    file = corrected(bank, tmp_path, {2: {"account": "A2"}}, table)
    assert release(bank, table, DAY, corrected=file).rows_released == 1
    assert landed(bank, table, "account_id, source_row") == [("A1", 1), ("A2", 2)]
    [version] = [row for row in rows(bank.home, landing_version) if row["superseded_at"] is None]
    assert (version["version"], version["batch_id"]) == (2, batch_of(bank, "account_balance")["batch_id"])
    assert_whole(bank, "account_balance")


def test_several_files_with_columns_in_another_order(make_bank: MakeBank) -> None:
    described = {**BALANCE, "files": "parts/*.csv", "control": None}
    bank = make_bank(core={"account_balance": described})
    (bank.inbox / "parts").mkdir()
    (bank.inbox / "parts" / "a.csv").write_text("day,account,amount\n2026-09-28,a,1\nx,b,2\n")
    (bank.inbox / "parts" / "b.csv").write_text("account,amount,day\nc,3,x\nd,4,2026-09-28\n")
    land(bank, "core", DAY)
    mended = described | {"map": described["map"] | {"balance_date": "replace(day, 'x', '2026-09-28')"}}
    bank = make_bank(core={"account_balance": mended})
    assert release(bank, "core.account_balance", DAY).rows_released == 2
    assert landed(bank, "core.account_balance", "account_id, balance::integer, source_row") == [
        ("a", 1, 1),
        ("b", 2, 2),
        ("c", 3, 3),
        ("d", 4, 4),
    ]
    assert_whole(bank, "account_balance")


def test_a_batch_without_legal_basis_is_released_when_it_comes(make_bank: MakeBank) -> None:
    bank = make_bank(
        external={
            "association_member": {
                "due": "on_arrival",
                "files": "members.csv",
                "format": {"kind": "delimited", "header": True},
                "legal_basis": "members.basis.json",
                "map": {"association_code": "a", "credit_code": "c", "is_key_person": "k = '1'"},
            }
        }
    )
    members = bank.inbox / "members.csv"
    members.write_text("a,c,k\nX1,91321281MA0000001X,1\nX1,91321281MA0000002Y,0\n")
    land(bank, "external", DAY)
    basis = {"source": "市场监管局", "legal_basis": "协议", "purpose": "营销", "expires": "2027-01-01"}
    (bank.inbox / "members.basis.json").write_text(json.dumps(basis), encoding="utf-8")
    members.unlink()
    assert release(bank, "external.association_member", DAY, reason="legal_basis").rows_released == 2
    found = landed(bank, "external.association_member", "basis_source, credit_code, source_row")
    assert found == [("市场监管局", "91321281MA0000001X", 1), ("市场监管局", "91321281MA0000002Y", 2)]
    assert_whole(bank, "association_member")


def test_what_cannot_be_released_is_said(bank: Bank, make_bank: MakeBank, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no table core\.nothing: expected <source>\.<table>, one of core"):
        release(bank, "core.nothing", DAY)
    with pytest.raises(ConfigurationError, match=r"nothing is quarantined in core\.account 2026-09-28; .* no date"):
        release(bank, "core.account", DAY)
    deliver(bank, account_row(1), account_row(2, cls="gold"))
    with pytest.raises(ConfigurationError, match=r"for reason type in .* 2026-09-28; the reasons there are accepted"):
        release(bank, "core.account", DAY, reason="type")
    with pytest.raises(ConfigurationError, match=r"2026-09-27; this table has quarantined rows on 2026-09-28"):
        release(bank, "core.account", date(2026, 9, 27))
    file = corrected(bank, tmp_path, {2: {"source_row": "7"}})
    with pytest.raises(ConfigurationError, match="expected rows that are in quarantine, found source_row 7"):
        release(bank, "core.account", DAY, corrected=file)
    file = corrected(bank, tmp_path, {2: {"no": "6.22E+18"}})
    with pytest.raises(ConfigurationError, match="expected the digits of no, found a number as a spreadsheet"):
        release(bank, "core.account", DAY, corrected=file)
    file.write_text("source_row,acct\n2,A0002\n")
    with pytest.raises(
        ConfigurationError, match="expected column cust, no, prod, cls, opened, closed, org, found acct"
    ):
        release(bank, "core.account", DAY, corrected=file)
    file.write_text("acct\nA0002\n")
    with pytest.raises(ConfigurationError, match="expected column source_row, found acct"):
        release(bank, "core.account", DAY, corrected=file)
    assert quarantined(bank) == [(2, "deposit_class", "accepted")]
    assert_whole(bank)


def test_the_command_tells_raw_values_only_when_asked_and_writes_it_down(bank: Bank) -> None:
    deliver(bank, account_row(1), account_row(2, cls="gold", org="戴南支行"))
    listed = qianmo(bank, "list")
    assert "core.account" in listed
    assert "accepted 取值不在范围内" in listed
    assert "qianmo quarantine release" in listed
    assert json.loads(qianmo(bank, "list", "--json", "--table", "account"))[0]["rows"] == 1
    assert "隔离区为空" in qianmo(bank, "list", "--date", "2026-09-27")
    shown = qianmo(bank, "show", "core.account", "--date", str(DAY))
    assert "account_20260928.dat.gz line 2, row 2: deposit_class accepted" in shown
    assert "A9999|!|A9999|!|9999 9999-99999999|!|AA999|!|AAAA|!|99999999|!||!|字字字字" in shown
    assert rows(bank.home, vault_access) == []
    assert "6222 0000-00000002" in qianmo(bank, "show", "core.account", "--date", str(DAY), "--raw")
    [access] = rows(bank.home, vault_access)
    assert (access["purpose"], access["kinds"], access["values_read"]) == ("quarantine show", "quarantine", 1)
    assert "none of the rows passes" in qianmo(bank, "release", "core.account", "--date", str(DAY), code=1)
    assert "nothing is quarantined" in qianmo(bank, "release", "core.account", "--date", "2026-09-27", code=2)


def test_the_shape_holds_no_value() -> None:
    assert shape_of("王小明,321281198001011234,Ａ１ ünï_") == "字字字,999999999999999999,A9 字A字_"


KILL = """
import os, signal, sys
from datetime import date
from pathlib import Path
import ingestion.release
from ingestion.bank import load_bank

moment = sys.argv[2]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def place(path, real=ingestion.release.place):
    real(path)
    if moment in str(path.relative_to(bank.home.root)).split("/")[0]:
        die()

bank = load_bank(Path(sys.argv[1]))
ingestion.release.place = place
if moment == "tried":
    ingestion.release._Releasing._merge = die
if moment == "merged":
    ingestion.release._Releasing._rewrite_quarantine = die
if moment == "all but ledger":
    ingestion.release._Releasing._record = die
ingestion.release.release(bank, "core.account", date(2026, 9, 28), corrected=Path(sys.argv[3]))
"""


@pytest.mark.parametrize(
    ("moment", "one_stays"),
    [
        ("tried", True),
        ("merged", True),
        ("vault", True),
        ("landing", True),
        ("landing", False),
        ("quarantine", True),
        ("all but ledger", True),
        ("all but ledger", False),
    ],
)
def test_a_killed_release_is_completed_by_the_next(bank: Bank, tmp_path: Path, moment: str, one_stays: bool) -> None:
    accounts = [account_row(1), account_row(2, cls="gold"), account_row(3), account_row(4, cls="gold")]
    deliver(bank, *accounts)
    changes = {2: {"cls": "pure"}, 4: {"cls": "tin" if one_stays else "savings"}}
    file = corrected(bank, tmp_path, changes)
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILL, str(bank.folder), moment, str(file)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert killed.returncode == -signal.SIGKILL
    release(bank, "core.account", DAY, corrected=file)
    numbers = [1, 2, 3] if one_stays else [1, 2, 3, 4]
    assert [row[0] for row in landed(bank, "core.account", "source_row")] == numbers
    assert quarantined(bank) == ([(4, "deposit_class", "accepted")] if one_stays else [])
    assert sum(row["rows_released"] for row in rows(bank.home, quarantine_release)) == len(numbers) - 2
    keys = [row[0] for row in landed(bank, "core.account", "account_number_key")]
    assert reveal(bank.home, ["account_number"], keys, "test", "test").num_rows == len(numbers)
    assert_whole(bank)
    for folder in (bank.home.landing, bank.home.vault, bank.home.quarantine):
        assert [path.name for path in folder.rglob("*") if path.is_file() and path.name.endswith(".tmp")] == []


def test_a_landing_that_was_cut_off_is_landed_first(bank: Bank, tmp_path: Path) -> None:
    deliver(bank, account_row(1), account_row(2, cls="gold"))
    landing_file = bank.home.landing / "core" / "account" / f"{DAY}.parquet"
    kept = landing_file.read_bytes()
    deliver(bank, account_row(1), account_row(2, cls="gold"), account_row(3))
    landing_file.write_bytes(kept)
    with pytest.raises(DataRefusedError, match=r"expected batch .*, found .*; run `qianmo land --source core"):
        release(bank, "core.account", DAY)


def test_the_warehouse_names_every_reason_as_the_command_does() -> None:
    model = PROJECT_ROOT / "dbt_project" / "models" / "marts" / "quality" / "mart_data_quality.sql"
    named = dict(re.findall(r"when '(\w+)' then '([^']+)'", model.read_text(encoding="utf-8")))
    assert named == REASONS
