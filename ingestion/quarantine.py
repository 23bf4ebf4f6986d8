"""Quarantine: the raw bytes of every rejected row, with file, line, column and reason, encrypted."""

from datetime import date

import pyarrow as pa

from ingestion.encryption import read_encrypted
from qianmo.home import BankHome

SCHEMA = pa.schema(
    [
        ("source_row", pa.int64()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("contract_version", pa.int32()),
        ("fields", pa.string()),
        ("raw", pa.binary()),
    ]
)
"""`source_row` counts the rows of the batch from 1; `line` is the file's own. `fields` is a JSON list of the source's
column names; `raw` the bytes as delivered, or JSON of the fields where the source has none (XLSX, SQL)."""


def read_quarantine(home: BankHome, source: str, table: str, business_date: date) -> pa.Table:
    """The rejected rows of a batch; no rows when none were rejected or nothing has landed."""
    path = home.quarantine / source / table / f"{business_date}.parquet"
    return pa.Table.from_batches(read_encrypted(path) if path.exists() else [], SCHEMA)
