"""Small published marts with a vault, as the pipeline leaves them before delivery."""

import io
from collections.abc import Callable, Iterable
from datetime import date
from hashlib import md5
from pathlib import Path
from typing import Any

import duckdb
import msoffcrypto
import openpyxl
import pyarrow as pa
import pytest
import pyzipper
import yaml

from delivery.deliver import Delivery, hand_over
from delivery.password import derive_password
from ingestion.bank import Bank
from ingestion.encryption import write_encrypted
from ingestion.vault import SCHEMA
from qianmo.definitions import DBT_PROJECT
from qianmo.home import BankHome
from qianmo.settings import Keys, create_keys, keys
from serving.publish import publish

DAY = date(2026, 9, 28)
LIST_CODES = ("credited_not_drawn", "loan_maturing")
VILLAINS = {"name": "=HYPERLINK(1)", "reason": "+cmd|calc", "grid_name": "@SUM(1)"}


def list_row(number: int, **other: Any) -> dict[str, Any]:
    """Customer `number` of branch 0101 or 0102 and one of three managers; opened on the date that is published."""
    branch = f"010{number % 2 + 1}"
    return {
        "list_code": LIST_CODES[0],
        "customer_id": f"P{number:016x}",
        "core_customer_id": f"0{number:09d}",
        "branch_code": branch,
        "branch_name": f"第{branch}支行",
        "manager_id": f"M{number % 3}",
        "manager_name": "经理",
        "grid_name": "网格",
        "market_type": "rural",
        "segment_name": "零售业",
        "product_name": "贷款",
        "channel": "phone",
        "list_rank": number,
        "reason": "授信未用",
        "response_probability": 0.1234,
        "value_amount": 1000.0,
        "score": 123.4,
        "scored_by": "rule",
        "score_reason": None,
        "assignment_basis": "own_manager",
        "holdout_unit": "customer",
        "is_holdout": False,
        "valid_until": date(2026, 10, 28),
    } | other


def opened(row: dict[str, Any], day: date) -> dict[str, Any]:
    """The row with its batch and id; it was opened on `day` unless it says otherwise."""
    listed = row.get("listed_date", day)
    batch_id = f"{row['list_code']}-{listed:%Y%m%d}"
    row_id = md5(f"{batch_id}|{row['customer_id']}".encode()).hexdigest()[:16]
    added = {"listed_date": listed, "batch_id": batch_id, "row_id": row_id, "list_name": "名单", "business_date": day}
    return row | added


def removal(row: dict[str, Any], day: date, listed: date, reason: tuple[str, str]) -> dict[str, Any]:
    """The row as mart_list_removal has it when it closed on `day`."""
    was = opened(row | {"listed_date": listed}, day)
    names = ("business_date", "list_code", "batch_id", "row_id", "customer_id", "branch_code", "manager_id")
    return {name: was[name] for name in names} | {"close_reason": reason[0], "close_reason_name": reason[1]}


def name_of(number: int) -> str:
    return VILLAINS["name"] if number == 0 else f"客户{number}"


def phone_of(number: int) -> str:
    return f"138{number:08d}"


def key_of(kind: str, number: int) -> str:
    return f"{kind}-{number:056x}"


def county_bank(home: BankHome) -> Bank:
    """A bank without sources that approves by itself."""
    return Bank("county", home.root, "321281", "示范农商银行", "Asia/Shanghai", home.inbox, {}, home, "自动")


def quiet(_: str) -> None:
    """Nobody listens."""


def handed_over(bank: Bank, day: date = DAY) -> list[Delivery]:
    return hand_over(bank, day, quiet)


def workbook(bank: Bank, item: Delivery) -> openpyxl.Workbook:
    """A package's workbook, opened with its recipient's password."""
    (path,) = item.folder.glob("*.xlsx")
    assert not path.read_bytes().startswith(b"PK")  # an unencrypted workbook is a plain archive
    office = msoffcrypto.OfficeFile(path.open("rb"))
    office.load_key(password=derive_password(bank.name, item.recipient_type, item.recipient, "2026-09"))
    plain = io.BytesIO()
    office.decrypt(plain)
    return openpyxl.load_workbook(plain)


def csv_bytes(bank: Bank, item: Delivery) -> bytes:
    """A package's CSV, out of its archive."""
    (path,) = item.folder.glob("*.csv.zip")
    with pyzipper.AESZipFile(path) as archive:
        archive.setpassword(derive_password(bank.name, item.recipient_type, item.recipient, "2026-09").encode())
        (name,) = archive.namelist()
        content: bytes = archive.read(name)
        return content


def write_mart(connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]]) -> None:
    """A mart with the columns of its contract; what a row does not say is null."""
    (path,) = (DBT_PROJECT / "models" / "marts").rglob(f"{name}.yml")
    [model] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    columns = {column["name"]: column["data_type"] for column in model["columns"]}
    connection.execute(f"create table marts.{name} ({', '.join(f'{one} {kind}' for one, kind in columns.items())})")
    if rows:
        known = pa.Table.from_pylist([{one: row.get(one) for one in columns} for row in rows])
        connection.register("known", known)
        connection.execute(f"insert into marts.{name} by name select * from known")
        connection.unregister("known")


def waterfall(candidates: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    """Two steps of every list: the control group, and what is delivered."""
    return [
        {
            "business_date": day,
            "list_code": code,
            "step_code": step,
            "step_name": name,
            "step_order": order,
            "removed": sum((one["list_code"], one["step_code"]) == (code, step) for one in candidates),
        }
        for code in LIST_CODES
        for order, (step, name) in enumerate({"holdout": "对照组", "delivered": "派发"}.items())
    ]


Marts = Callable[..., None]


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Bank]:
    monkeypatch.setenv("QIANMO_HOME", str(tmp_path))
    for name in Keys.model_fields:
        monkeypatch.delenv(f"QIANMO_{name.upper()}", raising=False)
    keys.cache_clear()
    create_keys()
    home = BankHome.of("county")
    yield county_bank(home)
    keys.cache_clear()


@pytest.fixture
def published(bank: Bank) -> Marts:
    """Publish list rows for a date; every customer's name and phone go to the vault."""

    def place(
        rows: list[dict[str, Any]],
        day: date = DAY,
        removals: Iterable[dict[str, Any]] = (),
        suppressed: Iterable[dict[str, Any]] = (),
        earlier: Iterable[tuple[list[dict[str, Any]], date]] = (),
    ) -> None:
        past = [(opened(row, was), was) for old, was in earlier for row in old]
        numbers = sorted({int(row["customer_id"][1:], 16) for row in [*rows, *removals, *(row for row, _ in past)]})
        vault = [
            {"kind": kind, "key": key_of(kind, number), "value": value(number)}
            for number in numbers
            for kind, value in (("name", name_of), ("phone", phone_of))
        ]
        table = pa.Table.from_pylist(vault, SCHEMA)
        write_encrypted(bank.home.vault / "core" / "customer" / f"{day}.parquet", SCHEMA, table.to_batches())
        bank.home.warehouse.parent.mkdir(parents=True, exist_ok=True)
        bank.home.warehouse.unlink(missing_ok=True)
        lists = [opened(row, day) for row in rows]
        taken = [row | {"step_code": "holdout" if row["is_holdout"] else "delivered"} for row in lists]
        left_out = [one | {"business_date": day} for one in suppressed]
        marts = {
            "mart_marketing_list": [*lists, *(row for row, _ in past)],
            "mart_list_candidate": [*taken, *left_out],
            "mart_list_removal": list(removals),
            "mart_list_waterfall": [
                *waterfall([*taken, *left_out], day),
                *(step for was in {was for _, was in past} for step in waterfall([], was)),
            ],
            "fct_list_row": [*lists, *({"closed_date": one["business_date"]} | one for one in removals)],
            "dim_customer": [
                {"customer_id": f"P{n:016x}", "name_key": key_of("name", n), "phone_key": key_of("phone", n)}
                for n in numbers
            ],
            "dim_manager": [{"manager_id": f"M{n}", "branch_code": "0101"} for n in range(3)],
        }
        with duckdb.connect(bank.home.warehouse) as connection:
            connection.execute("create schema marts")
            for name, content in marts.items():
                write_mart(connection, name, content)
        publish(bank, day)

    return place
