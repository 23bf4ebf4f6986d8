"""The vault: its keys, their rotation, what is read from it, and which columns go there."""

import getpass
import hmac
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from ingestion.bank import Bank
from ingestion.contract import CONTRACTS, contracts
from ingestion.encryption import (
    encrypt_again,
    file_metadata,
    open_encrypted,
    read_encrypted,
    read_encrypted_schema,
    vault_key_id,
    write_encrypted,
)
from ingestion.key_use import check_one_surrogate_key, keys_in_use
from ingestion.land import land
from ingestion.surrogate import SURROGATE_KEY_ID
from ingestion.vault import SCHEMA, reveal
from qianmo import ledger
from qianmo.errors import ConfigurationError, DataRefusedError, ToolBrokenError
from qianmo.key_rotation import drop_previous, key_states, rotate
from qianmo.settings import KEY_KINDS, KeyKind, create_keys, fresh_key, keys, keys_file
from tests.ingestion.conftest import ACCOUNT, DAY, MakeBank, account_row, account_text, deliver_accounts, landed

DAYS = [DAY + timedelta(days) for days in range(3)]


def quiet(_: str) -> None:
    pass


@pytest.fixture
def bank(make_bank: MakeBank) -> Bank:
    """Three landed business dates, each with a rejected row."""
    bank = make_bank(core={"account": ACCOUNT})
    for number, day in enumerate(DAYS):
        rows = [account_row(n) for n in range(number, number + 40)]
        deliver_accounts(bank.inbox, account_text([*rows, account_row(99, cls="gold")]), 41, day)
        land(bank, "core", day)
    return bank


def rows_of(bank: Bank) -> list[tuple[Any, ...]]:
    """Everything landed but surrogates."""
    return landed(bank, "core.account", "* exclude (account_number_key)")


def surrogates(bank: Bank) -> list[str]:
    return [row[0] for row in landed(bank, "core.account", "account_number_key")]


def values(bank: Bank, wanted: list[str]) -> dict[str, str]:
    found = reveal(bank.home, ["account_number"], wanted, "test", "test").to_pylist()
    return {row["key"]: row["value"] for row in found}


def encrypted(bank: Bank) -> list[Path]:
    return sorted([*bank.home.vault.rglob("*.parquet"), *bank.home.quarantine.rglob("*.parquet")])


def surrogate_of(value: str) -> str:
    return hmac.new(keys().current("surrogate").secret, f"account_number:{value}".encode(), sha256).hexdigest()[:32]


def test_a_key_id_is_in_every_file_and_says_nothing_about_the_key(bank: Bank) -> None:
    vault, surrogate = keys().current("vault"), keys().current("surrogate")
    assert vault.id not in vault.secret.hex()
    assert vault.secret.hex() not in repr(vault) + repr(keys())
    assert {vault_key_id(path) for path in encrypted(bank)} == {vault.id}
    for path in bank.home.landing.glob("core/account/2026*.parquet"):
        with pq.ParquetFile(path) as file:
            assert file_metadata(file)[SURROGATE_KEY_ID] == surrogate.id
    assert [(s.kind, s.key_id, s.state, s.files) for s in key_states()] == [
        ("vault", vault.id, "current", 6),
        ("surrogate", surrogate.id, "current", 6),
    ]
    assert all(state.first_used for state in key_states())


def test_a_new_vault_key_takes_over_every_file(bank: Bank) -> None:
    before = {path: list(read_encrypted(path)) for path in encrypted(bank)}
    old = keys().current("vault").id
    done = rotate("vault", quiet)
    assert (done.files, done.previous) == (6, [old])
    assert {vault_key_id(path) for path in encrypted(bank)} == {done.key_id} != {old}
    assert {path: list(read_encrypted(path)) for path in encrypted(bank)} == before
    assert keys_in_use(bank.home, "vault") == [done.key_id]
    assert drop_previous("vault") == [old]
    assert old not in keys().known("vault")
    assert len(values(bank, surrogates(bank))) == 42
    assert keys_file().stat().st_mode & 0o777 == 0o600


def test_a_new_surrogate_key_gives_the_same_landing_with_other_surrogates(bank: Bank) -> None:
    rows, old = rows_of(bank), surrogates(bank)
    raw = values(bank, old)
    with ledger.transaction(bank.home) as connection:
        ledger.put(connection, ledger.build, {"business_date": DAY.isoformat(), "input_digest": "x.y"})
    done = rotate("surrogate", quiet)
    assert done.files == 6
    assert rows_of(bank) == rows
    assert surrogates(bank) == [surrogate_of(raw[key]) for key in old]
    assert values(bank, surrogates(bank)) == {surrogate_of(value): value for value in raw.values()}
    with pq.ParquetFile(bank.home.landing / f"core/account/{DAY}.parquet") as file:
        assert file_metadata(file) == {"contract_version": "1", SURROGATE_KEY_ID: done.key_id}
    assert [row["input_digest"] for row in ledger.rows(bank.home, ledger.build)] == ["pending"]
    # the marts that are published still have the old ones
    assert values(bank, old) == raw
    drop_previous("surrogate")
    assert values(bank, old) == {}


CUSTOMER: dict[str, Any] = {
    "files": "customer_{date:%Y%m%d}.csv",
    "format": {"kind": "delimited", "header": True, "columns": ["no", "name", "id", "phone"]},
    "map": {
        "customer_id": "no",
        "customer_type": "'person'",
        "name": "name",
        "id_number": "id",
        "phone": "phone",
        "open_date": "'2020-01-01'",
        "branch_code": "'B1'",
        "is_staff": "'false'",
        "is_deceased": "'false'",
        "risk_list": "'none'",
        "status": "'active'",
    },
}
COMPARED = "name_key, name_sound_key, name_shape_key, name_letters_key, id_number_key, id_number_repair_keys, phone_key"


def test_what_records_are_compared_by_follows_a_new_surrogate_key(make_bank: MakeBank) -> None:
    bank = make_bank(core={"customer": CUSTOMER})
    lines = ["no,name,id,phone", "1,张莹,11010519491231002X,13812345678", "2,章银,11010519491213002X,", "3,,无,"]
    (bank.inbox / f"customer_{DAY:%Y%m%d}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    land(bank, "core", DAY)
    before = landed(bank, "core.customer", COMPARED)
    assert before[0][1] == before[1][1], "they sound alike"
    assert before[0][4] in before[1][5], "the second number is one slip from the first"
    assert before[0][5] is None
    rotate("surrogate", quiet)
    after = landed(bank, "core.customer", COMPARED)
    assert not {key for row in before for key in row if isinstance(key, str)} & {
        key for row in after for key in row if isinstance(key, str)
    }
    # the same rows landed with the new key
    (bank.home.landing / "core" / "customer" / f"{DAY}.parquet").rename(bank.home.root / "rotated.parquet")
    with sqlite3.connect(bank.home.ledger) as connection:
        connection.execute("delete from landing_batch")
    connection.close()
    land(bank, "core", DAY)
    assert landed(bank, "core.customer", COMPARED) == after


KILL = """
import os, signal, sys
import qianmo.key_rotation as rotation
from pathlib import Path

left = int(sys.argv[2])
replace = Path.replace

def counted(self, target):
    global left
    if str(target).endswith(".parquet"):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
    return replace(self, target)

Path.replace = counted
rotation.rotate(sys.argv[1], print)
"""


@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.parametrize("written", [1, 4])
def test_a_killed_rotation_goes_on(bank: Bank, kind: KeyKind, written: int) -> None:
    rows, raw = rows_of(bank), values(bank, surrogates(bank))
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILL, kind, str(written)], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    assert killed.returncode == -signal.SIGKILL
    keys.cache_clear()
    half_way = keys().current(kind).id
    readable = values(bank, surrogates(bank))
    assert (set(readable), set(readable.values())) == (set(surrogates(bank)), set(raw.values()))
    if kind == "surrogate":
        with pytest.raises(DataRefusedError, match="finish the rotation"):
            check_one_surrogate_key(bank.home)
    with pytest.raises(ConfigurationError, match="still need a previous"):
        drop_previous(kind)
    done = rotate(kind, quiet)
    assert (done.key_id, done.files) == (half_way, 6 - written)
    assert rows_of(bank) == rows
    assert values(bank, surrogates(bank)) == {surrogate_of(value): value for value in raw.values()}
    assert [state.files for state in key_states() if state.state == "previous"] == [0]
    check_one_surrogate_key(bank.home)
    drop_previous(kind)


def test_keys_of_the_environment_are_to_be_rotated_there(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    old = keys().current("vault").secret.hex()
    monkeypatch.setenv("QIANMO_VAULT_KEY", old)
    content = keys_file().read_text()
    with pytest.raises(ConfigurationError, match="QIANMO_VAULT_KEYS_PREVIOUS") as told:
        rotate("vault", quiet)
    assert old not in str(told.value)
    assert keys_file().read_text() == content
    monkeypatch.setenv("QIANMO_VAULT_KEY", fresh_key())
    monkeypatch.setenv("QIANMO_VAULT_KEYS_PREVIOUS", old)
    assert rotate("vault", quiet).files == 6
    with pytest.raises(ConfigurationError, match="remove QIANMO_VAULT_KEYS_PREVIOUS there"):
        drop_previous("vault")
    monkeypatch.delenv("QIANMO_VAULT_KEYS_PREVIOUS")
    keys.cache_clear()
    assert len(values(bank, surrogates(bank))) == 42


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_wrong_key_is_told_before_anything_is_written(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, kind: KeyKind
) -> None:
    wanted = keys().current(kind).id
    monkeypatch.setenv(f"QIANMO_{kind.upper()}_KEY", "00" * 32)
    keys.cache_clear()
    with pytest.raises(ConfigurationError, match=f"{kind} key {wanted}, found .*: set QIANMO_{kind.upper()}_KEY"):
        land(bank, "core", DAY)
    if kind == "vault":
        states = {(state.key_id, state.state) for state in key_states() if state.kind == "vault"}
        assert (wanted, "missing") in states
        with pytest.raises(ConfigurationError, match=f"{wanted}, found .*: set QIANMO_VAULT_KEY"):
            values(bank, surrogates(bank))
        with pytest.raises(ConfigurationError, match=f"{wanted}, found .*: set QIANMO_VAULT_KEY"):
            rotate("vault", quiet)
        assert keys_in_use(bank.home, "vault") == [wanted]


def test_a_key_that_is_no_key_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANMO_VAULT_KEY", "secret-but-short")
    with pytest.raises(ConfigurationError, match="QIANMO_VAULT_KEY: expected 32 bytes") as told:
        keys()
    assert "secret-but-short" not in str(told.value)


def test_a_lost_surrogate_key_is_replaced_from_the_vault(bank: Bank) -> None:
    raw = values(bank, surrogates(bank))
    vault_line = next(line for line in keys_file().read_text().splitlines() if line.startswith("QIANMO_VAULT_KEY="))
    keys_file().unlink()
    create_keys()
    others = [line for line in keys_file().read_text().splitlines() if not line.startswith("QIANMO_VAULT_KEY=")]
    keys_file().write_text("\n".join([*others, vault_line]) + "\n")
    keys.cache_clear()
    assert rotate("surrogate", quiet).files == 6
    assert values(bank, surrogates(bank)) == {surrogate_of(value): value for value in raw.values()}
    land(bank, "core", DAY)


@pytest.mark.parametrize("kept", [1, 0], ids=["in the vault of an earlier date", "nowhere"])
def test_a_surrogate_is_looked_for_in_the_vault_of_earlier_dates(bank: Bank, kept: int) -> None:
    # as of a row that says that a key is gone: its surrogate is landed, its value is not delivered again
    rows, raw = rows_of(bank), values(bank, surrogates(bank))
    last = bank.home.vault / "core" / "account" / f"{DAYS[-1]}.parquet"
    only_there = [batch.filter(pc.equal(batch["value"], "6222000000000041")) for batch in read_encrypted(last)]
    stated = {SURROGATE_KEY_ID: keys().current("surrogate").id}
    write_encrypted(last, SCHEMA, [batch.slice(0, kept) for batch in only_there], stated)
    if kept:
        rotate("surrogate", quiet)
        assert values(bank, surrogates(bank)) == {surrogate_of(value): value for value in raw.values()}
    else:
        before = surrogates(bank)
        with pytest.raises(ToolBrokenError, match="1 rows have surrogates that the vault does not hold"):
            rotate("surrogate", quiet)
        assert surrogates(bank) == before
    assert rows_of(bank) == rows


def test_reveal_finds_values_wherever_they_are_and_once(bank: Bank) -> None:
    folder = bank.home.vault / "core" / "account"
    (folder / str(DAYS[1])).mkdir()
    shutil.copy(folder / f"{DAYS[1]}.parquet", folder / str(DAYS[1]) / "0123456789ab.parquet")
    (folder / f"{DAYS[1]}.parquet").unlink()
    asked = [*surrogates(bank), "0" * 64]
    found = reveal(bank.home, ["account_number", "phone"], asked, "a list", "branch 01").to_pylist()
    assert sorted(row["value"] for row in found) == [f"62220000{number:08d}" for number in range(42)]
    assert reveal(bank.home, ["name"], asked, "another kind", "branch 01").num_rows == 0
    last = ledger.rows(bank.home, ledger.vault_access)[-2]
    assert (last["os_user"], last["recipient"], last["purpose"], last["kinds"]) == (
        getpass.getuser(), "branch 01", "a list", "account_number,phone"
    )  # fmt: skip
    assert (last["values_asked"], last["values_read"]) == (43, 42)


def test_a_ledger_of_an_earlier_version_gets_the_columns_it_lacks(bank: Bank) -> None:
    values(bank, surrogates(bank))
    with sqlite3.connect(bank.home.ledger) as connection:
        connection.execute("alter table vault_access drop column os_user")
        connection.execute("alter table vault_access drop column values_asked")
    connection.close()
    assert len(values(bank, surrogates(bank))) == 42
    assert [row["values_asked"] for row in ledger.rows(bank.home, ledger.vault_access)] == [None, 42]


def test_encrypting_again_keeps_rows_groups_and_metadata(home: Path) -> None:
    path = home / "extracted.parquet"
    rows = pa.table({"a": ["1", "2"]}).replace_schema_metadata({b"qianmo": b"a reading"})
    write_encrypted(path, rows.schema, [*rows.to_batches(), *rows.to_batches()], {"stated": "more"})
    content, schema = path.read_bytes(), read_encrypted_schema(path)
    assert schema.metadata == {b"qianmo": b"a reading", b"stated": b"more"}
    encrypt_again(path)
    assert path.read_bytes() != content
    assert read_encrypted_schema(path).equals(schema, check_metadata=True)
    with open_encrypted(path) as file:
        assert file.num_row_groups == 2
        assert file.read()["a"].to_pylist() == ["1", "2", "1", "2"]


SENSITIVE_LABELS = ("姓名", "户名", "证件", "身份证", "手机", "电话", "账号", "卡号", "地址")
SENSITIVE_NAMES = ("person_name", "id_number", "phone", "mobile", "account_number", "card_number", "address")
OPEN = {
    "core.customer.id_type": "the kind of document, not its number",
    "core.employee.employee_name": "colleagues see each other's names on every list and KPI view (DECISIONS.md)",
    "external.business_registry.registered_address": "public in the business registry",
    "acquiring.merchant.merchant_name": "the sign over the shop",
}


def test_every_identifying_column_is_vaulted_or_open_for_a_reason() -> None:
    identifying = {
        f"{contract.name}.{column.name}": column.vault
        for contract in contracts().values()
        for column in contract.columns
        if any(part in column.label for part in SENSITIVE_LABELS)
        or any(part in column.name for part in SENSITIVE_NAMES)
        or column.name == "name"
    }
    assert len(identifying) > 20
    unprotected = {name for name, vault in identifying.items() if vault is None}
    assert unprotected <= set(OPEN), "vault these columns, or say in OPEN why they may be open"
    every = {f"{contract.name}.{column.name}" for contract in contracts().values() for column in contract.columns}
    assert set(OPEN) <= every


def test_every_column_states_class_and_level() -> None:
    for path in sorted(CONTRACTS.glob("*/*.yml")):
        for column in yaml.safe_load(path.read_text(encoding="utf-8"))["columns"]:
            assert {"class", "level"} <= column.keys(), f"{path}: {column['name']}"
            if "vault" in column:
                assert column["class"] == "C2", f"{path}: {column['name']}"
