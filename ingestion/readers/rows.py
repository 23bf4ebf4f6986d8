"""What every reader yields."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

ROW_COLUMNS = {
    "_line": pa.int64(),  # physical line or row of the file, from 1
    "_raw": pa.binary(),  # bytes as delivered, or NULL where the source has none (XLSX, SQL)
    "_fault": pa.string(),  # encoding | field_count | NULL; a row with a fault has no column values
}
"""Columns of a batch besides the source's own, which are all text, not yet trimmed."""


@dataclass(frozen=True)
class Rows:
    """The rows of one file or query."""

    columns: list[str]
    batches: Iterator[pa.RecordBatch]
    """`_line`, `_raw`, `_fault`, then `columns` in order."""


def schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([*ROW_COLUMNS.items(), *((name, pa.string()) for name in columns)])
