"""Landing as a whole: what is landed, quarantined, refused, repeated."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ingestion import batch as batch_module
from ingestion.bank import Bank
from ingestion.batch import _ascends
from ingestion.encryption import read_encrypted
from ingestion.land import complete, land, write_empty_contracts
from ingestion.ledger_export import export_ledger
from ingestion.quarantine import read_quarantine
from ingestion.readers import text as text_module
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.ledger import landing_batch, landing_reject, landing_version, rows
from qianmo.status import show, status
from tests.ingestion.conftest import (
    ACCOUNT,
    ACCOUNT_COLUMNS,
    BALANCE,
    DAY,
    MakeBank,
    account_row,
    account_text,
    control_text,
    deliver_accounts,
    deliver_balances,
    landed,
)


@pytest.fixture
def bank(make_bank: MakeBank) -> Bank:
    return make_bank(core={"account": ACCOUNT, "account_balance": BALANCE})


def batch_of(bank: Bank, table: str, day: date = DAY) -> dict[str, object]:
    return rows(bank.home, landing_batch, table_name=table, business_date=day.isoformat())[0]


def test_rows_land_typed_with_identifiers_split_off(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1), account_row(2, closed="20260101")]), 2)
    deliver_balances(bank.inbox)
    results = land(bank, "core", DAY)
    assert [(r.table, r.status, r.rows_in, r.rows_landed) for r in results] == [
        ("account", "landed", 2, 2),
        ("account_balance", "landed", 1, 1),
    ]
    chosen = "account_id, account_number_masked, length(account_number_key), open_date, close_date, branch_code, status"
    assert landed(bank, "core.account", chosen) == [
        ("A0001", "****0001", 32, date(2024, 1, 31), None, "兴化支行", "active"),
        ("A0002", "****0002", 32, date(2024, 1, 31), date(2026, 1, 1), "兴化支行", "closed"),
    ]
    batch = batch_of(bank, "account")
    assert landed(bank, "core.account", "legal_entity_code, business_date, batch_id, source_row")[1] == (
        "321281",
        DAY,
        batch["batch_id"],
        2,
    )
    assert complete(bank, DAY) == []


def test_every_contract_can_be_read_before_anything_landed(bank: Bank) -> None:
    write_empty_contracts(bank)
    assert landed(bank, "core.customer") == []
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    land(bank, "core", DAY, tables=["account"])
    assert len(landed(bank, "core.account")) == 1


@pytest.mark.parametrize(
    ("wrong", "column", "reason"),
    [
        ({"opened": "2024013"}, "open_date", "type"),
        ({"opened": ""}, "open_date", "required"),
        ({"cls": "gold"}, "deposit_class", "accepted"),
        ({"acct": "A0001"}, "account_id", "duplicate_key"),
    ],
)
def test_a_faulty_row_is_quarantined_with_its_bytes(
    bank: Bank, wrong: dict[str, str], column: str, reason: str
) -> None:
    text = account_text([account_row(1), account_row(2, **wrong), account_row(3)])
    deliver_accounts(bank.inbox, text, 3)
    deliver_balances(bank.inbox)
    result = land(bank, "core", DAY)[0]
    assert (result.rows_in, result.rows_landed, result.rows_quarantined) == (3, 2, 1)
    [row] = read_quarantine(bank.home, "core", "account", DAY).to_pylist()
    assert row == {
        "source_row": 2,
        "file": "account_20260928.dat.gz",
        "line": 2,
        "column": column,
        "reason": reason,
        "contract_version": 1,
        "fields": json.dumps(ACCOUNT_COLUMNS),
        "raw": text.splitlines(keepends=True)[1],
    }
    [reject] = rows(bank.home, landing_reject)
    assert (reject["column_name"], reject["reason"], reject["rows_rejected"]) == (column, reason, 1)


def test_damaged_lines_are_quarantined_and_the_others_land(bank: Bank) -> None:
    lines = account_text([account_row(n) for n in range(1, 9)]).splitlines(keepends=True)
    lines[3] = lines[3].replace("兴化支行".encode("gb18030"), b"\xd0\xcb\xff\xff")
    lines[5] = lines[5].replace(b"|!|DQ001", b"", 1)
    deliver_accounts(bank.inbox, b"".join(lines), 8)
    result = land(bank, "core", DAY, tables=["account"])[0]
    assert (result.rows_in, result.rows_landed, result.rows_quarantined) == (8, 6, 2)
    quarantined = read_quarantine(bank.home, "core", "account", DAY).to_pylist()
    assert [(row["line"], row["reason"], row["raw"]) for row in quarantined] == [
        (4, "encoding", lines[3]),
        (6, "field_count", lines[5]),
    ]


def refusal(bank: Bank) -> str:
    with pytest.raises(DataRefusedError) as refused:
        land(bank, "core", DAY)
    assert batch_of(bank, "account")["status"] == "refused"
    assert batch_of(bank, "account_balance")["status"] == "landed", "another table stops with it"
    assert complete(bank, DAY) == ["core.account"]
    assert not (bank.home.landing / "core" / "account" / f"{DAY}.parquet").exists()
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_truncated_unload_is_refused(bank: Bank) -> None:
    text = account_text([account_row(n) for n in range(5000)])
    path = deliver_accounts(bank.inbox, text, 5000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    deliver_balances(bank.inbox)
    assert f"account_20260928.dat.gz: expected bytes {len(whole)} (by account_20260928.ctl), found " in refusal(bank)


def test_a_truncated_gzip_is_refused_without_a_control_file(make_bank: MakeBank) -> None:
    described = {key: value for key, value in ACCOUNT.items() if key != "control"}
    bank = make_bank(core={"account": described, "account_balance": BALANCE})
    path = deliver_accounts(bank.inbox, account_text([account_row(n) for n in range(5000)]), 5000)
    path.write_bytes(path.read_bytes()[:-100])
    deliver_balances(bank.inbox)
    assert "account_20260928.dat.gz: expected a complete gzip file, found one that is cut off" in refusal(bank)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"rows": 4}, "account_20260928.dat.gz: expected rows 4 (by account_20260928.ctl), found 3"),
        (
            {"business_date": "2026-09-27"},
            "expected business_date 2026-09-27 (by account_20260928.ctl), found 2026-09-28",
        ),
        ({"sha256": "0" * 64}, "expected sha256 0000"),
        ({"bytes": 12}, "expected bytes 12 (by account_20260928.ctl), found "),
    ],
)
def test_a_wrong_control_file_is_refused(bank: Bank, claims: dict[str, object], said: str) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(n) for n in range(3)]), 3, **claims)
    deliver_balances(bank.inbox)
    assert said in refusal(bank)


def test_a_wrong_amount_total_is_refused(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    path = deliver_balances(bank.inbox, rows=(("A1", "10.50"), ("A2", "-1.25")))
    path.with_suffix(".ctl").write_text(control_text(path.read_bytes(), 2, amount_total="9.24"))
    with pytest.raises(DataRefusedError, match=r"expected amount_total 9\.24 .*found 9\.25"):
        land(bank, "core", DAY)


def test_another_encoding_is_refused(bank: Bank) -> None:
    text = account_text([account_row(n) for n in range(9)]).decode("gb18030").encode("utf-8")
    deliver_accounts(bank.inbox, text, 9)
    deliver_balances(bank.inbox)
    assert "account_20260928.dat.gz: expected encoding gb18030, found utf-8" in refusal(bank)


def test_another_delimiter_is_refused(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(n) for n in range(9)]).replace(b"|!|", b","), 9)
    deliver_balances(bank.inbox)
    assert "expected 8 fields parted by '|!|', found 1 in every line" in refusal(bank)


def test_a_missing_file_is_refused(bank: Bank) -> None:
    deliver_balances(bank.inbox)
    message = refusal(bank)
    assert f"{bank.inbox}/account_20260928.dat.gz: expected a file for 2026-09-28, found none" in message


def test_a_missing_control_file_is_refused(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1).with_name("account_20260928.ctl").unlink()
    deliver_balances(bank.inbox)
    assert "account_20260928.ctl: expected the control file of the unload, found no such file" in refusal(bank)


def test_an_unchanged_delivery_is_not_landed_twice(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    deliver_balances(bank.inbox)
    land(bank, "core", DAY)
    file = bank.home.landing / "core" / "account" / f"{DAY}.parquet"
    before = (file.stat().st_mtime_ns, batch_of(bank, "account"))
    assert [r.status for r in land(bank, "core", DAY)] == ["unchanged", "unchanged"]
    assert (file.stat().st_mtime_ns, batch_of(bank, "account")) == before


def test_a_changed_delivery_replaces_the_earlier_one(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1), account_row(2, cls="gold")]), 2)
    land(bank, "core", DAY, tables=["account"])
    earlier = batch_of(bank, "account")["batch_id"]
    deliver_accounts(bank.inbox, account_text([account_row(3)]), 1)
    land(bank, "core", DAY, tables=["account"])
    assert landed(bank, "core.account", "account_id") == [("A0003",)]
    assert batch_of(bank, "account")["batch_id"] != earlier
    assert rows(bank.home, landing_reject) == []
    assert read_quarantine(bank.home, "core", "account", DAY).num_rows == 0


def versions(bank: Bank) -> list[tuple[object, ...]]:
    return [
        (
            *(row[name] for name in ("version", "batch_id", "rows_in", "rows_landed", "rows_quarantined")),
            row["superseded_by"],
            row["superseded_at"] is not None,
        )
        for row in rows(bank.home, landing_version)
    ]


def test_a_superseded_delivery_is_kept_with_its_vault_and_quarantine(bank: Bank) -> None:
    first = account_text([account_row(1), account_row(2, cls="gold")])
    batches = []
    for text, count in ((first, 2), (account_text([account_row(3)]), 1), (first, 2)):
        deliver_accounts(bank.inbox, text, count)
        assert land(bank, "core", DAY, tables=["account"])[0].status == "landed"
        assert land(bank, "core", DAY, tables=["account"])[0].status == "unchanged"
        batches.append(batch_of(bank, "account")["batch_id"])
    one, two, again = batches
    assert one == again
    assert versions(bank) == [
        (1, one, 2, 1, 1, two, True),
        (2, two, 1, 1, 0, one, True),
        (3, one, 2, 1, 1, None, False),
    ]
    assert landed(bank, "core.account", "account_id") == [("A0001",)]

    def beside(root: Path, batch: object) -> Path:
        return root / "core" / "account" / str(DAY) / f"{str(batch)[-12:]}.parquet"

    kept = {
        batch: duckdb.sql(f"select account_id from '{beside(bank.home.superseded, batch)}'").fetchall()
        for batch in (one, two)
    }
    assert kept == {one: [("A0001",)], two: [("A0003",)]}
    vaults = {batch: pa.Table.from_batches(read_encrypted(beside(bank.home.vault, batch))) for batch in (one, two)}
    assert [table["value"].to_pylist() for table in vaults.values()] == [["6222000000000001"], ["6222000000000003"]]
    [rejected] = pa.Table.from_batches(read_encrypted(beside(bank.home.quarantine, one))).to_pylist()
    assert rejected["raw"] == first.splitlines(keepends=True)[1]
    assert not beside(bank.home.quarantine, two).exists(), "nothing of it was quarantined"


def test_a_lost_landing_file_is_landed_again_as_the_same_version(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    land(bank, "core", DAY, tables=["account"])
    before = versions(bank)
    (bank.home.landing / "core" / "account" / f"{DAY}.parquet").unlink()
    assert land(bank, "core", DAY, tables=["account"])[0].status == "landed"
    assert landed(bank, "core.account", "account_id") == [("A0001",)]
    assert versions(bank) == before


def test_status_tells_what_was_sent_again(bank: Bank, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        deliver_accounts(bank.inbox, account_text([account_row(number)]), 1)
        deliver_balances(bank.inbox)
        land(bank, "core", DAY)
    found = status(bank)
    tables = found["business_dates"][DAY.isoformat()]["tables"]
    assert {name: table["version"] for name, table in tables.items()} == {"core.account": 2, "core.account_balance": 1}
    show(found)
    told = capsys.readouterr().out
    assert "core.account 2026-09-28: version 2" in told
    assert "core.account_balance 2026-09-28: version" not in told


def test_dates_land_in_any_order(bank: Bank) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    for day in (days[2], days[0], days[1]):
        deliver_balances(bank.inbox, day, rows=((f"A{day.day}", "1.00"),))
        assert [r.status for r in land(bank, "core", day, tables=["account_balance"])] == ["landed"]
        assert land(bank, "core", day, tables=["account_balance"])[0].status == "unchanged"
    assert landed(bank, "core.account_balance", "business_date, account_id") == [(day, f"A{day.day}") for day in days]


def test_a_changed_mapping_lands_again(bank: Bank, make_bank: MakeBank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1, cls="gold")]), 1)
    assert land(bank, "core", DAY, tables=["account"])[0].rows_landed == 0
    mended = ACCOUNT | {"map": ACCOUNT["map"] | {"deposit_class": "replace(cls, 'gold', 'pure')"}}
    bank = make_bank(core={"account": mended, "account_balance": BALANCE})
    assert land(bank, "core", DAY, tables=["account"])[0].rows_landed == 1


def test_a_refused_second_delivery_leaves_the_first(bank: Bank) -> None:
    text = account_text([account_row(1)])
    deliver_accounts(bank.inbox, text, 1)
    land(bank, "core", DAY, tables=["account"])
    deliver_accounts(bank.inbox, account_text([account_row(2)]), 7)
    with pytest.raises(DataRefusedError):
        land(bank, "core", DAY, tables=["account"])
    assert landed(bank, "core.account", "account_id") == [("A0001",)]
    batch = batch_of(bank, "account")
    assert batch["status"] == "landed"
    assert "expected rows 7" in str(batch["message"])
    deliver_accounts(bank.inbox, text, 1)
    assert land(bank, "core", DAY, tables=["account"])[0].status == "unchanged"
    assert batch_of(bank, "account")["message"] is None


def test_only_what_is_due_is_awaited(make_bank: MakeBank) -> None:
    bank = make_bank(
        core={
            "account": ACCOUNT | {"due": {"monthly": 28}},
            "account_balance": BALANCE | {"due": "on_arrival"},
        }
    )
    assert complete(bank, DAY) == ["core.account"]
    assert complete(bank, DAY + timedelta(days=1)) == []
    assert land(bank, "core", DAY + timedelta(days=1)) == []
    deliver_balances(bank.inbox, DAY + timedelta(days=1))
    assert [r.table for r in land(bank, "core", DAY + timedelta(days=1))] == ["account_balance"]


def test_several_files_form_one_batch_in_name_order(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account_balance": {**BALANCE, "files": "parts/*.csv", "control": None}})
    (bank.inbox / "parts").mkdir()
    for part in ("b", "a"):
        (bank.inbox / "parts" / f"{part}.csv").write_text(f"day,account,amount\n2026-09-28,{part},1\nx,{part},1\n")
    result = land(bank, "core", DAY)[0]
    assert (result.rows_in, result.rows_landed) == (4, 2)
    assert landed(bank, "core.account_balance", "account_id, source_row") == [("a", 1), ("b", 3)]
    quarantined = read_quarantine(bank.home, "core", "account_balance", DAY).to_pylist()
    assert [(row["file"], row["line"]) for row in quarantined] == [("parts/a.csv", 3), ("parts/b.csv", 3)]


def test_lookups_are_joined_and_must_be_unique(make_bank: MakeBank) -> None:
    bank = make_bank(
        core={
            "account_balance": {
                "files": "balance.csv",
                "format": {"kind": "delimited", "header": True},
                "lookups": {
                    "holder": {
                        "files": "cards.csv",
                        "format": {"kind": "delimited", "header": True},
                        "key": {"card": "card"},
                        "where": "state <> 'lost'",
                    }
                },
                "map": {"account_id": "holder.account", "balance_date": "day", "balance": "amount"},
            }
        }
    )
    (bank.inbox / "balance.csv").write_text("card,day,amount\n1,2026-09-28,5\n2,2026-09-28,6\n")
    cards = bank.inbox / "cards.csv"
    cards.write_text("card,account,state\n1,A1,ok\n1,A9,lost\n2,A2,ok\n")
    land(bank, "core", DAY)
    assert landed(bank, "core.account_balance", "account_id, balance::integer") == [("A1", 5), ("A2", 6)]
    cards.write_text("card,account,state\n1,A1,ok\n1,A9,ok\n2,A2,ok\n")
    with pytest.raises(
        DataRefusedError,
        match=r"cards\.csv: expected one row per card in lookup holder, found 1 keys with several",
    ):
        land(bank, "core", DAY)


BASIS = {"source": "市场监管局", "legal_basis": "协议", "purpose": "营销", "expires": "2027-01-01"}


@pytest.mark.parametrize(
    ("basis", "held"),
    [
        (BASIS, True),
        (BASIS | {"expires": "2026-09-29"}, True),
        (BASIS | {"expires": "2026-09-28"}, False),
        (BASIS | {"purpose": " "}, False),
        (None, False),
    ],
)
def test_without_a_legal_basis_that_holds_the_batch_is_quarantined(
    make_bank: MakeBank, basis: dict[str, str] | None, held: bool
) -> None:
    bank = make_bank(
        external={
            "association_member": {
                "files": "members.csv",
                "format": {"kind": "delimited", "header": True},
                "legal_basis": "members.basis.json",
                "map": {"association_code": "a", "credit_code": "c", "is_key_person": "k = '1'"},
            }
        }
    )
    (bank.inbox / "members.csv").write_text("a,c,k\nX1,91321281MA0000001X,1\nX1,91321281MA0000002Y,0\n")
    if basis:
        (bank.inbox / "members.basis.json").write_text(json.dumps(basis), encoding="utf-8")
    result = land(bank, "external", DAY)[0]
    assert (result.rows_in, result.rows_landed) == (2, 2 if held else 0)
    if held:
        columns = "basis_source, basis_expiry, is_key_person"
        assert basis
        expiry = date.fromisoformat(basis["expires"])
        assert landed(bank, "external.association_member", columns)[0] == ("市场监管局", expiry, True)
    else:
        [reject] = rows(bank.home, landing_reject)
        assert (reject["reason"], reject["rows_rejected"]) == ("legal_basis", 2)


def test_a_mapping_that_is_no_sql_names_file_and_table(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account": ACCOUNT | {"map": ACCOUNT["map"] | {"close_date": "no_such_column"}}})
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    with pytest.raises(ConfigurationError, match=r"sources/core\.yml: tables\.account: .*no_such_column"):
        land(bank, "core", DAY)


def test_the_ledger_is_exported_as_it_stands(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1), account_row(2, cls="gold")]), 2)
    land(bank, "core", DAY, tables=["account"])
    export_ledger(bank)

    folder = bank.home.landing / "_ledger"
    assert duckdb.sql(
        f"select source, table_name, rows_in, rows_quarantined from '{folder}/landing_batch.parquet'"
    ).fetchall() == [("core", "account", 2, 1)]
    assert duckdb.sql(f"select reason, rows_rejected from '{folder}/landing_reject.parquet'").fetchall() == [
        ("accepted", 1)
    ]


def test_progress_is_told(bank: Bank) -> None:
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    told: list[str] = []
    land(bank, "core", DAY, told.append, tables=["account"])
    assert told == ["core.account 2026-09-28: landed, 1 in, 1 landed, 0 quarantined"]


def test_an_empty_unload_lands_no_rows(bank: Bank, tmp_path: Path) -> None:
    deliver_accounts(bank.inbox, b"", 0)
    assert land(bank, "core", DAY, tables=["account"])[0].status == "landed"
    assert landed(bank, "core.account") == []
    assert gzip.decompress((bank.inbox / "account_20260928.dat.gz").read_bytes()) == b""


def test_keys_in_order_are_known_to_be_unique_and_others_are_compared() -> None:
    def ascends(*texts: str | None, before: str | None = None) -> bool:
        return _ascends(pa.chunked_array([pa.array(texts, pa.string())]), before)

    assert ascends("A1")
    assert ascends("A1", "A2", before="A0")
    assert not ascends("A1", "A1")
    assert not ascends("A1", "A3", "A2")
    assert not ascends("A1", before="A1")
    assert not ascends("A1", None)
    assert not ascends(None, before="A1")


def test_a_key_that_comes_again_in_a_later_group_is_quarantined(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "_GROUP_BYTES", 1)
    monkeypatch.setattr(text_module, "CHUNK_BYTES", 200)
    numbers = [*range(40), 39]
    deliver_accounts(bank.inbox, account_text([account_row(number) for number in numbers]), len(numbers))
    deliver_balances(bank.inbox)
    result = land(bank, "core", DAY)[0]
    assert (result.rows_landed, result.rows_quarantined) == (40, 1)
    assert read_quarantine(bank.home, "core", "account", DAY)["source_row"].to_pylist() == [41]
