"""Fixed-width text whose positions are bytes: cut first, decoded afterwards."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingestion.bank import FixedWidthFormat
from ingestion.readers.header import Header
from ingestion.readers.rows import Piece, Rows, schema
from ingestion.readers.text import EncodingWatch, chunks, decode, line_offsets, may_be_shortened, raw_lines, split_lines
from qianmo.errors import DataRefusedError


def read_fixed_width(path: Path, file_format: FixedWidthFormat) -> Rows:
    """Rows of a fixed-width file; blank lines are not rows.

    Raises:
        DataRefusedError: the gzip is broken, no line has the record length, or the encoding is another one.
    """
    names = [column.name for column in file_format.columns]
    return Rows(names, partial(_pieces, path, file_format, names), Header(absent={}))


def split_records(records: list[bytes], file_format: FixedWidthFormat) -> pa.RecordBatch:
    """Single records, each a line, split by the description; one row each."""
    layout = schema([column.name for column in file_format.columns])
    lines = b"".join(record if record.endswith(b"\n") else record + b"\n" for record in records)
    return _careful(lines, 1, file_format, layout, EncodingWatch(Path(), file_format.encoding), set()).rows


def _pieces(path: Path, file_format: FixedWidthFormat, names: list[str]) -> Iterator[Piece]:
    watch = EncodingWatch(path, file_format.encoding)
    layout = schema(names)
    line = 1
    rows = 0
    lengths: set[int] = set()
    for number, chunk in enumerate(chunks(path, file_format)):
        watch.chunk(chunk, is_first=number == 0)
        columns = _clean(chunk, file_format)
        lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
        if columns is not None:
            watch.clean_chunk(chunk, lines)
            lengths.add(file_format.record_length)
            head = [pa.array(np.arange(line, line + lines)), pa.nulls(lines, pa.string())]
            piece = Piece(
                pa.RecordBatch.from_arrays([*head, *columns], schema=layout),
                partial(raw_lines, chunk),
                may_be_shortened(chunk),
            )
        else:
            piece = _careful(chunk, line, file_format, layout, watch, lengths)
        rows += piece.rows.num_rows
        yield piece
        line += lines
    watch.end()
    if rows and file_format.record_length not in lengths:
        found = ", ".join(str(length) for length in sorted(lengths)[:3])
        raise DataRefusedError(
            f"{path}: expected records of {file_format.record_length} bytes, found {found} bytes in every line"
        )


def _clean(chunk: bytes, file_format: FixedWidthFormat) -> list[pa.Array] | None:
    """One array per column when every line has the record length and decodes; values keep a closing newline."""
    end = b"\r\n" if chunk.endswith(b"\r\n") else b"\n"
    if not chunk.endswith(b"\n"):
        chunk += end
    width = file_format.record_length + len(end)
    if len(chunk) % width or chunk.count(b"\n") * width != len(chunk):
        return None
    cells = np.frombuffer(chunk, np.uint8).reshape(-1, width)
    if not (cells[:, -1] == 0x0A).all():
        return None
    arrays = []
    for column in file_format.columns:
        field = np.full((len(cells), column.length + 1), 0x0A, np.uint8)
        field[:, :-1] = cells[:, column.start - 1 : column.start - 1 + column.length]
        try:
            encoded = decode(field.tobytes(), file_format.encoding).encode()
        except UnicodeDecodeError:
            return None
        offsets = line_offsets(encoded).astype(np.int32)
        arrays.append(pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(encoded)))
    return arrays


def _careful(
    chunk: bytes,
    line: int,
    file_format: FixedWidthFormat,
    layout: pa.Schema,
    watch: EncodingWatch,
    lengths: set[int],
) -> Piece:
    rows: list[tuple[int, bytes, str | None, list[str] | None]] = []
    for number, raw in enumerate(split_lines(chunk), start=line):
        record = raw.rstrip(b"\r\n")
        if not record:
            continue
        lengths.add(len(record))
        if len(record) != file_format.record_length:
            rows.append((number, raw, "field_count", None))
            continue
        try:
            values = [
                decode(record[column.start - 1 : column.start - 1 + column.length], file_format.encoding)
                for column in file_format.columns
            ]
        except UnicodeDecodeError:
            watch.line(record, number, is_faulty=True)
            rows.append((number, raw, "encoding", None))
            continue
        watch.line(record, number, is_faulty=False)
        rows.append((number, raw, None, values))
    columns = [
        pa.array([None if values is None else values[i] for _, _, _, values in rows], pa.string())
        for i in range(len(file_format.columns))
    ]
    head = [
        pa.array([number for number, _, _, _ in rows], pa.int64()),
        pa.array([fault for _, _, fault, _ in rows], pa.string()),
    ]
    records = pa.array([raw for _, raw, _, _ in rows], pa.binary())
    return Piece(pa.RecordBatch.from_arrays([*head, *columns], schema=layout), lambda: records)
