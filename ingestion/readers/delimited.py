"""Delimited text: decoded first, split afterwards.

A chunk without any fault is split by Arrow; one with a fault is taken line by line, so that each faulty line is known.
"""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from ingestion.bank import DelimitedFormat
from ingestion.readers.header import Header, compare, described_columns
from ingestion.readers.rows import Piece, Rows, schema
from ingestion.readers.text import EncodingWatch, chunks, decode, may_be_shortened, raw_lines, split_lines
from ingestion.streaming import ahead
from ingestion.telling import header_told
from qianmo.errors import DataRefusedError

_SEPARATOR = "\x1f"
"""Stands for a delimiter of several characters while a chunk is split."""

_LONGEST_RECORD = 200
"""Lines that a quoted record may span; a quote still open after them is a fault of its first line."""


def read_delimited(path: Path, file_format: DelimitedFormat) -> Rows:
    """Rows of a delimited file; blank lines are not rows.

    Raises:
        DataRefusedError: the header names a column twice, the gzip is broken, the encoding or the delimiter is another
            one.
    """
    reader = _Reader(path, file_format)
    return Rows(reader.names, lambda: _Reader(path, file_format).pieces(), reader.header)


def split_records(records: list[bytes], file_format: DelimitedFormat, names: list[str]) -> pa.RecordBatch:
    """Single records, each with the lines it takes, split as in a file whose columns are `names`; one row each."""
    return _Reader(Path(), file_format, names).split(records)


class _Reader:
    def __init__(self, path: Path, file_format: DelimitedFormat, names: list[str] | None = None) -> None:
        """The columns are those of the file or the description, unless `names` are given."""
        self._path = path
        self._format = file_format
        self._watch = EncodingWatch(path, file_format.encoding)
        self._single = len(file_format.delimiter.encode()) == 1
        self._delimiter = file_format.delimiter if self._single else _SEPARATOR
        self._field_counts: dict[int, int] = {}
        self.header = Header(absent={})
        if names is None:
            names = self._names_of(self._header()) if file_format.header else list(file_format.columns or [])
        self.names = names
        self._schema = schema(self.names)

    def _header(self) -> list[str]:
        first = next(chunks(self._path, self._format), b"")
        if not first:
            raise DataRefusedError(f"{self._path}: expected a header line, found an empty file")
        self._watch.chunk(first, is_first=True)
        line = first.split(b"\n", 1)[0].rstrip(b"\r")
        try:
            return [field.strip() for field in self._record([line], 0)[0]]
        except (UnicodeDecodeError, csv.Error):
            raise DataRefusedError(
                f"{self._path}: expected encoding {self._format.encoding}, found a header line in another one"
            ) from None

    def _names_of(self, header: list[str]) -> list[str]:
        """Names in file order; a header text that the description does not name keeps its own."""
        described = described_columns(self._format)
        if described and not set(described) & set(header):
            found = header_told(described, header)
            raise DataRefusedError(f"{self._path}: expected header column {', '.join(described)}, found {found}")
        self.header = compare(described, header, self._format.not_read)
        # a column may come without a name, but not into a query
        names = [(described or {}).get(text, text) or f"column_{at}" for at, text in enumerate(header, start=1)]
        if repeated := sorted({text for text, name in zip(header, names, strict=True) if names.count(name) > 1}):
            # without a description nothing tells a header from a row of data, which is not to be repeated
            found = header_told(described, repeated) if described else f"{len(repeated)} texts"
            raise DataRefusedError(f"{self._path}: expected each header column once, found {found} more than once")
        return names

    def pieces(self) -> Iterator[Piece]:
        line = 2 if self._format.header else 1  # number of the first line of the chunk
        carried = b""
        for chunk, text in ahead(self._decoded()):
            if carried:
                chunk, carried = carried + chunk, b""
                text = self._for_arrow(chunk)
            if not chunk:
                continue
            piece = None if text is None else self._clean(chunk, text, line)
            if piece is None:
                piece, carried = self._careful(chunk, line, is_last=False)
                line += chunk.count(b"\n") - carried.count(b"\n")
            else:
                line += piece.rows.num_rows
            yield piece
        if carried:
            yield self._careful(carried, line, is_last=True)[0]
        self._watch.end()
        self._judge_field_counts()

    def _decoded(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Chunks as they are, without the header, and as Arrow can split them."""
        for number, chunk in enumerate(chunks(self._path, self._format)):
            self._watch.chunk(chunk, is_first=number == 0)
            if number == 0 and self._format.header:
                chunk = chunk.partition(b"\n")[2]
            yield chunk, self._for_arrow(chunk)

    def _for_arrow(self, chunk: bytes) -> bytes | None:
        """The chunk in UTF-8 with a delimiter of one byte, or None when that would change it."""
        try:
            text = decode(chunk, self._format.encoding)
        except UnicodeDecodeError:
            return None
        quote = self._format.quote
        if quote and text.count(quote) % 2:
            return None
        if self._single:
            return text.encode()
        if _SEPARATOR in text or (quote and quote in text):
            return None
        return text.encode().replace(self._format.delimiter.encode(), _SEPARATOR.encode())

    def _clean(self, chunk: bytes, text: bytes, line: int) -> Piece | None:
        """The chunk split by Arrow, or None when it has anything out of the ordinary."""
        quote = self._format.quote
        try:
            table = pacsv.read_csv(
                pa.py_buffer(text),
                pacsv.ReadOptions(use_threads=False, column_names=self.names, block_size=len(text) + 1),
                pacsv.ParseOptions(
                    delimiter=self._delimiter,
                    quote_char=quote or False,
                    double_quote=bool(quote),
                    newlines_in_values=bool(quote),
                ),
                pacsv.ConvertOptions(
                    check_utf8=False,
                    column_types={name: pa.string() for name in self.names},
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid:
            return None
        lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
        if table.num_rows != lines:
            return None
        self._watch.clean_chunk(chunk, lines)
        self._field_counts[len(self.names)] = self._field_counts.get(len(self.names), 0) + lines
        rows = pa.RecordBatch.from_arrays(
            [
                pa.array(np.arange(line, line + lines)),
                pa.nulls(lines, pa.string()),
                *(column.combine_chunks() for column in table.columns),
            ],
            schema=self._schema,
        )
        return Piece(rows, partial(raw_lines, chunk), may_be_shortened(chunk))

    def split(self, records: list[bytes]) -> pa.RecordBatch:
        chunk = b"".join(record if record.endswith(b"\n") else record + b"\n" for record in records)
        text = self._for_arrow(chunk)
        piece = None if text is None else self._clean(chunk, text, 1)
        if piece and piece.rows.num_rows == len(records):
            return piece.rows
        # one by one: a quote left open in one record must not swallow the next
        parts = [self._careful(record, number, is_last=True)[0].rows for number, record in enumerate(records, 1)]
        several = pa.RecordBatch.from_pylist([{"_line": 1, "_fault": "field_count"}], self._schema)
        return pa.concat_batches([part if part.num_rows == 1 else several for part in parts])

    def _careful(self, chunk: bytes, line: int, is_last: bool) -> tuple[Piece, bytes]:
        """The chunk record by record, and the bytes of a record that may go on in the next chunk."""
        lines = split_lines(chunk)
        numbers: list[int] = []
        records: list[bytes] = []
        faults: list[str | None] = []
        fields: list[list[str] | None] = []
        at = 0
        while at < len(lines):
            if not lines[at].strip(b"\r\n"):
                at += 1
                continue
            try:
                values, span = self._record(lines, at)
                fault = None if len(values) == len(self.names) else "field_count"
                self._field_counts[len(values)] = self._field_counts.get(len(values), 0) + 1
            except UnicodeDecodeError:
                values, span, fault = [], 1, "encoding"
            except csv.Error:
                if not is_last and len(lines) - at < _LONGEST_RECORD:
                    break
                values, span, fault = [], 1, "field_count"
            record = b"".join(lines[at : at + span])
            self._watch.line(record, line + at, is_faulty=fault == "encoding")
            numbers.append(line + at)
            records.append(record)
            faults.append(fault)
            fields.append(None if fault else values)
            at += span
        columns = [
            pa.array([None if values is None else values[i] for values in fields], pa.string())
            for i in range(len(self.names))
        ]
        rows = pa.RecordBatch.from_arrays(
            [pa.array(numbers, pa.int64()), pa.array(faults, pa.string()), *columns], schema=self._schema
        )
        return Piece(rows, partial(pa.array, records, pa.binary())), b"".join(lines[at:])

    def _record(self, lines: list[bytes], at: int) -> tuple[list[str], int]:
        """Fields of the record that starts at a line, and the lines it takes.

        Raises:
            UnicodeDecodeError: a byte does not belong to the encoding.
            csv.Error: a quote is not closed, or text follows a closing one.
        """
        text = decode(lines[at], self._format.encoding)
        quote = self._format.quote
        if not quote or quote not in text:
            return text.rstrip("\r\n").split(self._format.delimiter), 1
        following = (decode(line, self._format.encoding) for line in lines[at : at + _LONGEST_RECORD])
        if not self._single:
            following = (line.replace(self._format.delimiter, _SEPARATOR) for line in following)
        reader = csv.reader(following, delimiter=self._delimiter, quotechar=quote, strict=True)
        values = next(reader)
        if not self._single:
            values = [value.replace(_SEPARATOR, self._format.delimiter) for value in values]
        return values, reader.line_num

    def _judge_field_counts(self) -> None:
        if self._field_counts and len(self.names) not in self._field_counts:
            found = ", ".join(str(count) for count in sorted(self._field_counts))
            raise DataRefusedError(
                f"{self._path}: expected {len(self.names)} fields parted by {self._format.delimiter!r}, "
                f"found {found} in every line"
            )
