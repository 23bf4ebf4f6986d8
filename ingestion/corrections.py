"""A file of quarantined rows for somebody to correct: a table with the row's number and the source's own columns.

A row that cannot be split has its text in `_raw` instead, with bytes that do not decode as \\xNN. `_column` and
`_reason` say why the row is there; nobody reads them back.
"""

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingestion.mapping import SHORTENED
from ingestion.quarantined import QuarantinedRow
from ingestion.readers.records import Format, bytes_of, columns_of, split_records, text_of
from qianmo.errors import ConfigurationError

NUMBER = "source_row"
_RAW = "_raw"
_ABOUT = ("_column", "_reason")


@dataclass(frozen=True)
class Corrections:
    """The rows of a corrected file."""

    path: Path
    rows: dict[int, dict[str, str]]
    """Row number to the cells by column."""


def cells_of(row: QuarantinedRow, file_format: Format) -> dict[str, str]:
    """The cells of a row: its text in `_raw` or its fields by column."""
    columns = columns_of(file_format, row.fields)
    split = split_records([row.raw], file_format, columns)
    if split["_fault"][0].as_py() in ("encoding", "field_count"):
        return {_RAW: text_of(row.raw, file_format)}
    return {column: split[column][0].as_py() or "" for column in columns}


def write_corrections(path: Path, rows: Iterable[tuple[QuarantinedRow, Format]]) -> None:
    """Write rows for correcting, readable by the owner only.

    Raises:
        ConfigurationError: the file is there already, or cannot be written.
    """
    table = [(row, cells_of(row, file_format)) for row, file_format in rows]
    columns = list(dict.fromkeys(c for row, file_format in rows for c in columns_of(file_format, row.fields)))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: expected to write a new file, found: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, [NUMBER, *_ABOUT, _RAW, *columns], restval="")
        writer.writeheader()
        for row, cells in table:
            writer.writerow({NUMBER: row.source_row, "_column": row.column, "_reason": row.reason, **cells})


def read_corrections(path: Path) -> Corrections:
    """Read a corrected file, in UTF-8 or, as spreadsheets may save it, GB18030.

    Raises:
        ConfigurationError: it cannot be read, has no column `source_row`, or a row number is missing or twice.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: expected a file of corrected rows, found: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", "replace")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if NUMBER not in (reader.fieldnames or []):
        raise ConfigurationError(
            f"{path}: expected column {NUMBER}, found {', '.join(reader.fieldnames or ['nothing'])}"
        )
    found: dict[int, dict[str, str]] = {}
    for cells in reader:
        if None in cells:
            raise ConfigurationError(f"{path}: line {reader.line_num}: expected a cell per column, found more")
        written = cells.pop(NUMBER) or ""
        if not written.strip().isdecimal():
            raise ConfigurationError(
                f"{path}: line {reader.line_num}: expected a row number as {NUMBER}, found {written!r}"
            )
        number = int(written)
        if number in found:
            raise ConfigurationError(
                f"{path}: line {reader.line_num}: expected each {NUMBER} once, found {number} again"
            )
        found[number] = {name: value or "" for name, value in cells.items() if name not in _ABOUT}
    if not found:
        raise ConfigurationError(f"{path}: expected corrected rows, found none")
    return Corrections(path, found)


def corrected_record(row: QuarantinedRow, file_format: Format, corrections: Corrections) -> bytes | list[str]:
    """What to try in place of a row: its own bytes where nothing was changed, corrected bytes, or corrected fields.

    Raises:
        ConfigurationError: a column is missing or unknown, or a value cannot be what the source would send.
    """
    given = corrections.rows[row.source_row]
    columns = columns_of(file_format, row.fields)
    where = f"{corrections.path}: {NUMBER} {row.source_row}"
    if missing := [column for column in columns if column not in given]:
        raise ConfigurationError(f"{corrections.path}: expected column {', '.join(missing)}, found {', '.join(given)}")
    shown = cells_of(row, file_format)
    if given.get(_RAW, "") == shown.get(_RAW, "") and all(given[c] == shown.get(c, "") for c in columns):
        return row.raw
    text = given.get(_RAW, "")
    if text and text != shown.get(_RAW):
        if "\\x" in text and b"\\x" not in row.raw:
            raise ConfigurationError(f"{where}: expected a character in place of each \\xNN, found one left in {_RAW}")
        try:
            return bytes_of(text, file_format)
        except UnicodeEncodeError as error:
            raise ConfigurationError(
                f"{where}: expected text in {error.encoding}, found a character it does not have"
            ) from None
    if damaged := [c for c in columns if re.fullmatch(SHORTENED, given[c]) and given[c] != shown.get(c)]:
        raise ConfigurationError(
            f"{where}: expected the digits of {', '.join(damaged)}, found a number as a spreadsheet shortens it; "
            "set the column to text before opening the file"
        )
    return [given[column] for column in columns]
