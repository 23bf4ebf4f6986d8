"""Surrogates, masks and the vault."""

import csv
import hmac
from datetime import date
from hashlib import sha256

import duckdb
import pytest

from ingestion.contract import Column
from ingestion.land import land
from ingestion.name_forms import SIMILAR_GLYPHS
from ingestion.surrogate import define, derived, normalised
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
        ("3.2128119800101125E+17", False, date(1980, 1, 1), None),
        ("3.212811980010110E+17", False, date(1980, 1, 1), None),
        ("3.21281E+17", False, None, None),
        ("3.212811980011E+16", False, None, None),
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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("张莹莹", "章银盈"),
        ("陈林", "程玲"),
        ("吕丽娜", "缕莉拉"),
        ("曾志强", "曾自墙"),
        ("沈静", "申靖"),
    ],
)
def test_names_that_sound_alike_have_one_form(database: duckdb.DuckDBPyConnection, one: str, other: str) -> None:
    sounds, looks = (
        database.execute(f"select {form}($1) = {form}($2)", [one, other]).fetchall()[0][0]
        for form in ("sound_form", "shape_form")
    )
    assert (sounds, looks) == (True, False)


@pytest.mark.parametrize("pair", ["未末", "己巳", "侯候", "晋普", "洪供", "玲铃", "余佘", "凤风"])
def test_names_that_look_alike_have_one_form(database: duckdb.DuckDBPyConnection, pair: str) -> None:
    forms = [one(database, "shape_form(v)", f"王{character}明") for character in pair]
    assert forms[0] == forms[1]
    assert forms[0] != one(database, "shape_form(v)", "王洋明")


def test_other_names_have_other_forms(database: duckdb.DuckDBPyConnection) -> None:
    for form in ("sound_form", "shape_form", "sorted_characters"):
        assert one(database, f"{form}(v)", "王建国") != one(database, f"{form}(v)", "王建军"), form
        assert one(database, f"{form}(v)", "王建国") != one(database, f"{form}(v)", "王建"), form
    assert one(database, "sorted_characters(v)", "王建国") == one(database, "sorted_characters(v)", "王国建")


def test_forms_keep_order_gaps_and_rare_characters(database: duckdb.DuckDBPyConnection) -> None:
    names = ["王伟", None, "", "𫖯Ab", "王玮"]
    rows = database.execute("select sound_form(v) from unnest($1::varchar[]) as t (v)", [names]).fetchall()
    found = [row[0] for row in rows]
    assert found[1:3] == [None, ""]
    assert [len(form or "") for form in found] == [2, 0, 0, 3, 2]
    assert found[0] == found[4]


def test_each_similar_character_is_in_one_group() -> None:
    with SIMILAR_GLYPHS.open(encoding="utf-8", newline="") as file:
        characters = [character for row in csv.DictReader(file) for character in row["characters"]]
    assert len(characters) > 250
    assert len(set(characters)) == len(characters)


@pytest.mark.parametrize(
    ("true", "written"),
    [
        ("11010519491231002X", "11010519491213002X"),
        ("11010519491231002X", "11010591491231002X"),
        ("11010519491231002X", "11010519491231012X"),
        ("11010519491231002X", "110105194912310027"),
        ("440524188001010014", None),
    ],
    ids=["day swapped", "year swapped", "sequence", "check digit", "born before 1900"],
)
def test_an_id_number_one_slip_away_is_found(
    database: duckdb.DuckDBPyConnection, true: str, written: str | None
) -> None:
    wrong = written or true[:16] + str((int(true[16]) + 1) % 10) + true[17:]
    found = one(database, "id_repairs(v)", wrong)
    assert isinstance(found, list)
    assert (true in found) == (written is not None)
    assert len(found) < 25
    assert all(one(database, "id_is_valid(v)", number) for number in found)


@pytest.mark.parametrize("value", ["11010519491231002X", "3.212811980010110E+17", "1101054912310", "无", None])
def test_what_is_valid_or_no_number_is_not_repaired(database: duckdb.DuckDBPyConnection, value: str | None) -> None:
    assert one(database, "id_repairs(v)", value) is None


@pytest.mark.parametrize("written", ["１１０１０５１９４９１２１３００２ｘ", " 110105 194912 13002x"])
def test_a_slip_is_found_however_the_number_is_written(database: duckdb.DuckDBPyConnection, written: str) -> None:
    column = Column(name="id", type="text", label="x", vault="id_number", compared=True)
    parts = derived(column, "v")
    plain = [one(database, normalised("id_number", "v"), value) for value in (written, "110105491231002")]
    found, key = one(database, parts["repair_keys"], plain[0]), one(database, parts["key"], plain[1])
    assert isinstance(found, list)
    assert key in found, "the person whom an old number of 15 digits is of"


def test_only_what_is_compared_costs_more() -> None:
    plain = Column(name="n", type="text", label="x", vault="name")
    assert list(plain.vaulted_parts) == ["key", "masked"]
    assert list(plain.model_copy(update={"compared": True}).vaulted_parts)[2:] == [
        "sound_key",
        "shape_key",
        "letters_key",
    ]
    with pytest.raises(ValueError, match="compared: expected vault name or id_number"):
        Column(name="p", type="text", label="x", vault="phone", compared=True)


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
