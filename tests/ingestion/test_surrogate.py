"""Surrogates, masks and the vault."""

import hmac
from datetime import date
from hashlib import sha256

import duckdb
import pytest

from ingestion.land import land
from ingestion.surrogate import define, normalised
from ingestion.vault import reveal
from qianmo.ledger import rows, vault_access
from tests.ingestion.conftest import ACCOUNT, DAY, MakeBank, account_row, account_text, deliver_accounts, landed

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    define(connection, KEY)
    return connection


def one(database: duckdb.DuckDBPyConnection, sql: str, value: object) -> object:
    return database.execute(f"select {sql} from (select ?::varchar as v)", [value]).fetchall()[0][0]


@pytest.mark.parametrize("value", ["张三", "x" * 200, "O'Neil"])
def test_a_surrogate_is_the_hmac_of_kind_and_value(database: duckdb.DuckDBPyConnection, value: str) -> None:
    expected = hmac.new(KEY, f"name:{value}".encode(), sha256).hexdigest()[:32]
    assert one(database, "surrogate('name', v)", value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "plain"),
    [
        ("name", " 欧阳　建 国", "欧阳建国"),
        ("name", "Ａｃｍｅ", "Acme"),
        ("id_number", "11010519491231002x", "11010519491231002X"),
        ("id_number", "１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
        ("id_number", "110105491231002", "11010519491231002X"),
        ("id_number", "1101054912310", "1101054912310"),
        ("phone", "+86 138-1234-5678", "13812345678"),
        ("phone", "0086 13812345678", "13812345678"),
        ("phone", "86138 1234 5678", "13812345678"),
        ("phone", "8612345", "8612345"),
        ("phone", "无", None),
        ("account_number", "6222 0000-0000 1234", "6222000000001234"),
        ("address", " 昭阳街道１号 ", "昭阳街道1号"),
    ],
)
def test_values_are_normalised(database: duckdb.DuckDBPyConnection, kind: str, value: str, plain: str | None) -> None:
    assert one(database, normalised(kind, "v"), value) == plain  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("name", "张三", "张*"),
        ("name", "欧阳建国", "欧**"),
        ("id_number", "11010519491231002X", "1101****002X"),
        ("phone", "13812345678", "138****5678"),
        ("phone", "8612", "****"),
        ("account_number", "6222000000001234", "****1234"),
        ("address", "昭阳街道1号", "***"),
    ],
)
def test_values_are_masked(database: duckdb.DuckDBPyConnection, kind: str, value: str, masked: str) -> None:
    assert one(database, f"masked_{kind}(v)", value) == masked


@pytest.mark.parametrize(
    ("value", "valid", "born", "gender"),
    [
        ("11010519491231002X", True, date(1949, 12, 31), "F"),
        ("110105194912310021", False, date(1949, 12, 31), "F"),
        ("11010519491331002X", False, None, "F"),
        ("3.2128119800101125E+17", False, None, None),
    ],
)
def test_id_numbers_are_checked(
    database: duckdb.DuckDBPyConnection, value: str, valid: bool, born: date | None, gender: str | None
) -> None:
    assert [one(database, f"id_{check}(v)", value) for check in ("is_valid", "birth_date", "gender")] == [
        valid,
        born,
        gender,
    ]


def test_the_vault_gives_back_what_landing_split_off_and_records_it(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account": ACCOUNT})
    deliver_accounts(bank.inbox, account_text([account_row(1), account_row(2), account_row(3)]), 3)
    land(bank, "core", DAY)
    surrogates = [row[0] for row in landed(bank, "core.account", "account_number_key")]
    table = reveal(bank.home, ["account_number"], surrogates[:2], "test", "manager M1")
    assert {row["key"]: row["value"] for row in table.to_pylist()} == {
        surrogates[0]: "6222000000000001",
        surrogates[1]: "6222000000000002",
    }
    assert reveal(bank.home, ["phone"], surrogates, "test", "manager M1").num_rows == 0
    recorded = rows(bank.home, vault_access)
    assert [(row["purpose"], row["kinds"], row["recipient"], row["values_read"]) for row in recorded] == [
        ("test", "account_number", "manager M1", 2),
        ("test", "phone", "manager M1", 0),
    ]


def test_no_raw_identifier_is_readable_in_any_file(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account": ACCOUNT})
    deliver_accounts(bank.inbox, account_text([account_row(1), account_row(2, cls="gold")]), 2)
    land(bank, "core", DAY)
    files = [path for path in bank.home.root.rglob("*") if path.is_file()]
    assert {path.relative_to(bank.home.root).parts[0] for path in files} >= {"landing", "vault", "quarantine"}
    for path in files:
        content = path.read_bytes()
        assert b"62220000000000" not in content, path
        assert b"6222 0000-" not in content, path
    with pytest.raises(duckdb.Error, match="encrypted"):
        duckdb.sql(f"from '{bank.home.vault}/core/account/{DAY}.parquet'").fetchall()
