"""A small published marts file with a vault, as the pipeline leaves them before delivery."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from ingestion.bank import Bank
from ingestion.encryption import write_encrypted
from ingestion.vault import SCHEMA
from qianmo.home import BankHome
from qianmo.settings import Keys, create_keys, keys
from serving.publish import publish

DAY = date(2026, 9, 28)
LIST_CODES = ("credited_not_drawn", "loan_maturing")
VILLAINS = {"name": "=HYPERLINK(1)", "reason": "+cmd|calc", "grid_name": "@SUM(1)"}


def list_row(number: int, **other: Any) -> dict[str, Any]:
    """Customer `number` of branch 0101 or 0102 and one of three managers."""
    branch = f"010{number % 2 + 1}"
    return {
        "business_date": DAY,
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
        "playbook": "先电话后上门",
        "is_holdout": False,
        "valid_until": date(2026, 10, 28),
    } | other


def name_of(number: int) -> str:
    return VILLAINS["name"] if number == 0 else f"客户{number}"


def phone_of(number: int) -> str:
    return f"138{number:08d}"


def key_of(kind: str, number: int) -> str:
    return f"{kind}-{number:056x}"


Marts = Callable[..., None]


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Bank]:
    monkeypatch.setenv("QIANMO_HOME", str(tmp_path))
    for name in Keys.model_fields:
        monkeypatch.delenv(f"QIANMO_{name.upper()}", raising=False)
    keys.cache_clear()
    create_keys()
    home = BankHome.of("county")
    yield Bank("county", tmp_path, "321281", "示范农商银行", "Asia/Shanghai", home.inbox, {}, home)
    keys.cache_clear()


@pytest.fixture
def published(bank: Bank) -> Marts:
    """Publish list rows for a date; every customer's name and phone go to the vault."""

    def place(rows: list[dict[str, Any]], day: date = DAY) -> None:
        numbers = sorted({int(row["customer_id"][1:], 16) for row in rows})
        vault = [
            {"kind": kind, "key": key_of(kind, number), "value": value(number)}
            for number in numbers
            for kind, value in (("name", name_of), ("phone", phone_of))
        ]
        table = pa.Table.from_pylist(vault, SCHEMA)
        write_encrypted(bank.home.vault / "core" / "customer" / f"{day}.parquet", SCHEMA, table.to_batches())
        bank.home.warehouse.parent.mkdir(parents=True, exist_ok=True)
        bank.home.warehouse.unlink(missing_ok=True)
        with duckdb.connect(bank.home.warehouse) as connection:
            connection.execute("create schema marts")
            lists = pa.Table.from_pylist(
                [
                    {"batch_id": f"{row['list_code']}-{day:%Y%m%d}", "list_name": "名单"} | row | {"business_date": day}
                    for row in rows
                ]
            )
            customers = pa.Table.from_pylist(
                [
                    {"customer_id": f"P{n:016x}", "name_key": key_of("name", n), "phone_key": key_of("phone", n)}
                    for n in numbers
                ]
            )
            managers = pa.Table.from_pylist([{"manager_id": f"M{n}", "branch_code": "0101"} for n in range(3)])
            waterfall = pa.Table.from_pylist([{"business_date": day}])
            for name, content in {
                "mart_marketing_list": lists,
                "dim_customer": customers,
                "dim_manager": managers,
                "mart_list_waterfall": waterfall,
            }.items():
                connection.register("content", content)
                connection.execute(f"create table marts.{name} as select * from content")
                connection.unregister("content")
        publish(bank, day)

    return place
