"""Quarantine: the raw bytes of every rejected row, with file, line, column and reason, encrypted."""

from collections.abc import Iterator
from datetime import date

import pyarrow as pa

from ingestion.encryption import read_encrypted, write_encrypted
from qianmo.home import BankHome

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("contract_version", pa.int32()),
        ("raw", pa.binary()),
    ]
)


def write_quarantine(
    home: BankHome, source: str, table: str, business_date: date, batches: Iterator[pa.RecordBatch]
) -> None:
    """Place the rejected rows of a batch; batches have the columns of `SCHEMA`."""
    write_encrypted(home.quarantine / source / table / f"{business_date}.parquet", SCHEMA, batches)


def read_quarantine(home: BankHome, source: str, table: str, business_date: date) -> pa.Table:
    """The rejected rows of a batch; no rows when none were rejected or nothing has landed."""
    path = home.quarantine / source / table / f"{business_date}.parquet"
    return pa.Table.from_batches(read_encrypted(path) if path.exists() else [], SCHEMA)
