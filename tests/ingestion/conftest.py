"""A bank of one's own per test: its folder, inbox and QIANMO_HOME are all below the test's folder."""

import gzip
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingestion.bank import Bank, load_bank
from qianmo.settings import create_keys, keys

DAY = date(2026, 9, 28)

ACCOUNT_COLUMNS = ["acct", "cust", "no", "prod", "cls", "opened", "closed", "org"]
ACCOUNT: dict[str, Any] = {
    "files": "account_{date:%Y%m%d}.dat.gz",
    "control": {"file": "account_{date:%Y%m%d}.ctl"},
    "format": {
        "kind": "delimited",
        "encoding": "gb18030",
        "delimiter": "|!|",
        "compression": "gzip",
        "columns": ACCOUNT_COLUMNS,
    },
    "date_formats": ["%Y%m%d"],
    "map": {
        "account_id": "acct",
        "customer_id": "cust",
        "account_number": "no",
        "product_code": "prod",
        "account_type": "'demand'",
        "deposit_class": "cls",
        "is_basic_account": "'false'",
        "currency": "'CNY'",
        "open_date": "opened",
        "close_date": "closed",
        "branch_code": "org",
        "status": "case when closed is null then 'active' else 'closed' end",
    },
}
BALANCE: dict[str, Any] = {
    "files": "balance_{date:%Y%m%d}.csv",
    "format": {"kind": "delimited", "header": True},
    "control": {"file": "balance_{date:%Y%m%d}.ctl"},
    "map": {"account_id": "account", "balance_date": "day", "balance": "amount"},
}

MakeBank = Callable[..., Bank]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("QIANMO_HOME", str(tmp_path / "home"))
    keys.cache_clear()
    create_keys()
    yield tmp_path / "home"
    keys.cache_clear()


@pytest.fixture
def make_bank(home: Path, tmp_path: Path) -> MakeBank:
    """Write and load a bank from `source=tables`; its inbox is `tmp_path / "inbox"`."""

    def make(**sources: dict[str, Any]) -> Bank:
        folder = tmp_path / "bank"
        (folder / "sources").mkdir(parents=True, exist_ok=True)
        (tmp_path / "inbox").mkdir(exist_ok=True)
        bank = {
            "name": "tiny",
            "legal_entity_code": "321281",
            "legal_entity_name": "示范农商银行",
            "inbox": str(tmp_path / "inbox"),
            "sources": list(sources),
        }
        (folder / "bank.yml").write_text(yaml.safe_dump(bank, allow_unicode=True), encoding="utf-8")
        for name, tables in sources.items():
            described = {"source": name, "label": name, "tables": tables}
            text = yaml.safe_dump(described, allow_unicode=True, sort_keys=False)
            (folder / "sources" / f"{name}.yml").write_text(text, encoding="utf-8")
        return load_bank(folder)

    return make


def account_row(number: int, **values: str) -> list[str]:
    row = {
        "acct": f"A{number:04d}",
        "cust": f"C{number:04d}",
        "no": f"6222 0000-{number:08d}",
        "prod": "DQ001",
        "cls": "savings",
        "opened": "20240131",
        "closed": "",
        "org": "兴化支行",
    }
    return list((row | values).values())


def account_text(rows: list[list[str]]) -> bytes:
    return "".join("|!|".join(row) + "\n" for row in rows).encode("gb18030")


def control_text(unload: bytes, count: int, day: date = DAY, **claims: object) -> str:
    stated: dict[str, object] = {
        "business_date": day.isoformat(),
        "rows": count,
        "bytes": len(unload),
        "amount_total": "",
        "sha256": sha256(unload).hexdigest(),
    }
    return "".join(f"{key}={value}\n" for key, value in (stated | claims).items())


def deliver_accounts(inbox: Path, text: bytes, count: int, day: date = DAY, **claims: object) -> Path:
    """Write an account unload with its control file; returns the unload."""
    path = inbox / f"account_{day:%Y%m%d}.dat.gz"
    unload = gzip.compress(text, mtime=0)
    path.write_bytes(unload)
    path.with_name(f"account_{day:%Y%m%d}.ctl").write_text(control_text(unload, count, day, **claims))
    return path


def deliver_balances(inbox: Path, day: date = DAY, rows: tuple[tuple[str, str], ...] = (("A1", "10.50"),)) -> Path:
    path = inbox / f"balance_{day:%Y%m%d}.csv"
    path.write_text("account,day,amount\n" + "".join(f"{account},{day},{amount}\n" for account, amount in rows))
    total = sum(float(amount) for _, amount in rows)
    path.with_suffix(".ctl").write_text(control_text(path.read_bytes(), len(rows), day, amount_total=f"{total:.2f}"))
    return path


def landed(bank: Bank, table: str, select: str = "*", day: date | None = None) -> list[tuple[Any, ...]]:
    """Rows of a landed table `source.table` in source order."""
    source, name = table.split(".")
    file = bank.home.landing / source / name / (f"{day}.parquet" if day else "*.parquet")
    return duckdb.sql(f"select {select} from read_parquet('{file}') order by business_date, source_row").fetchall()
