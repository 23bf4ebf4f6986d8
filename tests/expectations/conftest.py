"""A bank with a handful of landed rows, written straight as landing would."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.bank import Bank
from ingestion.contract import contracts
from qianmo import ledger
from qianmo.home import BankHome

DAY = date(2026, 9, 28)


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    monkeypatch.setenv("QIANMO_HOME", str(tmp_path))
    home = BankHome.of("county")
    return Bank("county", tmp_path, "321281", "示范农商银行", "Asia/Shanghai", home.inbox, {}, home)


Landed = Callable[..., Path]


@pytest.fixture
def landed(bank: Bank) -> Landed:
    """Land rows (dicts of landed columns; missing ones are filled or null) and record the batch."""

    def land(name: str, rows: list[dict[str, Any]], day: date = DAY, **batch: Any) -> Path:
        contract = contracts()[name]
        file = bank.home.landing / contract.source / contract.table / f"{day}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        columns = contract.landed_columns()
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        with duckdb.connect() as connection:
            connection.execute(f"create table t ({typed})")
            for number, row in enumerate(rows, start=1):
                filled = {"batch_id": f"{name}.{day}", "source_row": number, "business_date": day} | row
                names = ", ".join(f'"{c}"' for c in filled)
                marks = ", ".join("?" for _ in filled)
                connection.execute(f"insert into t ({names}) values ({marks})", list(filled.values()))
            connection.execute(f"copy t to '{file}' (format parquet, compression zstd)")
        record = {
            "source": contract.source,
            "table_name": contract.table,
            "business_date": day.isoformat(),
            "status": "landed",
            "rows_in": len(rows),
            "rows_landed": len(rows),
            "rows_quarantined": 0,
        }
        with ledger.transaction(bank.home) as connection:
            ledger.put(connection, ledger.landing_batch, record | batch)
        return file

    return land
