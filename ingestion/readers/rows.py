"""What every reader yields."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ingestion.readers.header import Header

ROW_COLUMNS = {
    "_line": pa.int64(),  # physical line or row of the file, from 1
    "_fault": pa.string(),  # encoding | field_count | formula_error | NULL; only a formula_error has values
}
"""Columns of a piece besides the source's own, which are all text, not yet trimmed."""


@dataclass(frozen=True)
class Piece:
    """Some rows of a source, in its order."""

    rows: pa.RecordBatch
    """`_line`, `_fault`, then the source's columns in order."""
    raw: Callable[[], pa.Array] | None = None
    """The rows' bytes as delivered, asked for when a row is rejected; None where the source has none (XLSX, SQL)."""
    may_be_shortened: bool = True
    """Whether a value may be a number of which a worksheet kept the first digits (6.22202E+18)."""


@dataclass(frozen=True)
class Rows:
    """The rows of one file or query."""

    columns: list[str]
    pieces: Callable[[], Iterator[Piece]]
    """Reads from the start on each call, in bounded memory."""
    header: Header = field(default_factory=Header)


def schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([*ROW_COLUMNS.items(), *((name, pa.string()) for name in columns)])
