"""Files as the source systems write them. The same rows give the same bytes."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter  # type: ignore[import-untyped]
from numpy.typing import NDArray

from sample_county.identifiers import NULL_DAY, offsets

Ints = NDArray[np.int64]
Columns = Mapping[str, pa.Array]
"""Column name to text, in file order; null is written as nothing."""

_DELIMITER = "|!|"
_TABLE_START, _TABLE_END = date(1900, 1, 1), date(2080, 12, 31)
_ALL_DAYS = pd.date_range(_TABLE_START, _TABLE_END, freq="D")


@lru_cache
def _day_table(form: str) -> pa.Array:
    return pa.array(_ALL_DAYS.strftime(form).to_numpy().astype("U"))


_CLOCK = pa.array([f"{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}" for s in range(86_400)])
_CLOCK_COLONS = pa.array([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)])


def day_text(days: Ints, form: str = "%Y-%m-%d") -> pa.Array:
    """Days since 1970-01-01 as text; NULL_DAY as null."""
    index, missing = offsets(np.asarray(days, dtype=np.int64), _TABLE_START)
    return _day_table(form).take(pa.array(index, mask=missing))


def clock_text(seconds: Ints, colons: bool = False) -> pa.Array:
    """Seconds of a day as HHMMSS or HH:MM:SS."""
    return (_CLOCK_COLONS if colons else _CLOCK).take(pa.array(seconds))


def time_text(days: Ints, seconds: Ints) -> pa.Array:
    """`YYYY-MM-DD HH:MM:SS`; null where the day is."""
    return pc.binary_join_element_wise(day_text(days), clock_text(seconds, colons=True), " ")


def money(cents: Ints) -> pa.Array:
    """Cents as text with two decimals."""
    values = np.ascontiguousarray(cents, dtype=np.int64)
    wide = np.empty((len(values), 2), dtype=np.int64)
    wide[:, 0] = values
    wide[:, 1] = values >> 63
    decimals = pa.Array.from_buffers(pa.decimal128(18, 2), len(values), [None, pa.py_buffer(wide.tobytes())])
    return pc.cast(decimals, pa.string())


def text(values: Any) -> pa.Array:
    """Any column as pyarrow text; None and NaN become null."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    array = values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)
    return array if pa.types.is_string(array.type) else pc.cast(array, pa.string())


def code(values: Any, mapping: Mapping[Any, str]) -> pa.Array:
    """Each value replaced by the source system's code."""
    return text(pd.Series(values).map(dict(mapping)))


def joined(columns: Columns, delimiter: str, rows: int) -> bytes:
    """UTF-8 lines of the columns, each ended by a line feed."""
    if rows == 0:
        return b""
    lines = pc.binary_join_element_wise(*columns.values(), delimiter, null_handling="replace", null_replacement="")
    lines = pc.binary_join_element_wise(lines, "", "\n")
    if isinstance(lines, pa.ChunkedArray):
        lines = lines.combine_chunks()
    return bytes(lines.buffers()[2])[: lines.offset + pc.sum(pc.binary_length(lines)).as_py()]


class Unload:
    """One core table of one business date: gzip of GB18030 lines, written chunk by chunk, then its control file."""

    def __init__(self, folder: Path, table: str, business_date: date) -> None:
        stem = f"{table}_{business_date:%Y%m%d}"
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{stem}.dat.gz"
        self._control = folder / f"{stem}.ctl"
        self._date = business_date
        self._file = self._path.open("wb")
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, compresslevel=1, mtime=0)
        self._rows = 0
        self._cents: int | None = None

    def write(self, columns: Columns, amount_cents: Ints | None = None) -> None:
        rows = next((len(c) for c in columns.values() if isinstance(c, pa.Array)), 0)
        self._gzip.write(joined(columns, _DELIMITER, rows).decode().encode("gb18030"))
        self._rows += rows
        if amount_cents is not None:
            self._cents = (self._cents or 0) + int(amount_cents.sum())

    def close(self) -> None:
        self._gzip.close()
        self._file.close()
        digest = hashlib.sha256()
        with self._path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        total = "" if self._cents is None else f"{self._cents // 100}.{self._cents % 100:02d}"
        if self._cents is not None and self._cents < 0:
            total = f"-{-self._cents // 100}.{-self._cents % 100:02d}"
        self._control.write_text(
            f"business_date={self._date:%Y-%m-%d}\nrows={self._rows}\nbytes={self._path.stat().st_size}\n"
            f"amount_total={total}\nsha256={digest.hexdigest()}\n",
            encoding="ascii",
        )


@contextmanager
def unload(folder: Path, table: str, business_date: date) -> Iterator[Unload]:
    """An `Unload` that is closed, with its control file, at the end."""
    opened = Unload(folder, table, business_date)
    yield opened
    opened.close()


def write_csv(path: Path, columns: Columns, delimiter: str = ",", encoding: str = "utf-8") -> None:
    """CSV with a header line; only fields that need quotes have them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, column in columns.items():
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
        written[name] = pc.if_else(pc.match_substring_regex(column, f'["{delimiter}\n]'), quoted, column)
    lines = (delimiter.join(columns) + "\n").encode() + joined(written, delimiter, len(next(iter(written.values()))))
    path.write_bytes(lines.decode().encode(encoding))


def write_basis(path: Path, source: str, legal_basis: str, purpose: str, expires: date) -> None:
    """The sidecar that says by what right a batch is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    basis = {"source": source, "legal_basis": legal_basis, "purpose": purpose, "expires": expires.isoformat()}
    path.write_text(json.dumps(basis, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_fixed_width(path: Path, columns: Sequence[tuple[pa.Array, int]]) -> None:
    """GBK lines; every width counts bytes, and a Chinese character takes two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = []
    for column, width in columns:
        filled = pc.fill_null(column, "")
        characters = pc.utf8_length(filled)
        wide = pc.divide(pc.subtract(pc.binary_length(filled), characters), 2)  # three UTF-8 bytes are two in GBK
        blanks = pc.subtract(width, pc.add(characters, wide))
        fields.append(pc.binary_join_element_wise(filled, pc.binary_repeat(" ", blanks), ""))
    rows = len(fields[0])
    path.write_bytes(joined({str(i): f for i, f in enumerate(fields)}, "", rows).decode().encode("gbk"))


def write_workbook(
    path: Path,
    sheet: str,
    header: Sequence[str],
    rows: Iterator[Sequence[Any]],
    created: date,
    titles: Sequence[str] = (),
    footer: str | None = None,
) -> None:
    """One worksheet: merged title rows, the header, the rows; the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_numbers": False})
    book.set_properties({"created": datetime(created.year, created.month, created.day), "author": "", "title": sheet})
    page = book.add_worksheet(sheet)
    title_format = book.add_format({"bold": True, "align": "center"})
    line = 0
    for title in titles:
        page.merge_range(line, 0, line, len(header) - 1, title, title_format)
        line += 1
    page.write_row(line, 0, header)
    for row in rows:
        line += 1
        page.write_row(line, 0, row)
    if footer:
        page.write_string(line + 1, 0, footer)
    book.close()


def days_or_null(days: Ints, is_missing: NDArray[np.bool_]) -> Ints:
    """The days, NULL_DAY where missing."""
    return np.where(is_missing, NULL_DAY, days)
