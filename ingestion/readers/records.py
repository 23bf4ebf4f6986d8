"""Single rows from their bytes, as quarantine keeps them: split again by what the description says now."""

import io
from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from ingestion.bank import DelimitedFormat, FixedWidthFormat, SqlFormat, XlsxFormat
from ingestion.readers.delimited import split_records as split_delimited
from ingestion.readers.fixed_width import split_records as split_fixed_width
from ingestion.readers.rows import schema
from ingestion.readers.text import decode

_FORMULA_ERRORS = pa.array(["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"])
"""What a worksheet shows for a formula that failed (ECMA-376 part 1, 18.17.3)."""

Format = DelimitedFormat | FixedWidthFormat | XlsxFormat | SqlFormat


def columns_of(file_format: Format, fields: Sequence[str]) -> list[str]:
    """The columns that a row is split into; `fields` are those it had when it was read.

    Positions and names without a header come from the description, which may have been mended since. Those of a
    header, a worksheet or a database are what was found then.
    """
    match file_format:
        case FixedWidthFormat():
            return [column.name for column in file_format.columns]
        case DelimitedFormat(header=False):
            return list(file_format.columns or [])
    return list(fields)


def split_records(records: list[bytes], file_format: Format, columns: list[str]) -> pa.RecordBatch:
    """Rows with `_line` (which means nothing here), `_fault` and `columns`, one for each record."""
    match file_format:
        case DelimitedFormat():
            return split_delimited(records, file_format, columns)
        case FixedWidthFormat():
            return split_fixed_width(records, file_format)
    document = b"\n".join(records)
    found = pajson.read_json(
        io.BytesIO(document),
        pajson.ReadOptions(use_threads=False, block_size=len(document) + 1),
        parse_options=pajson.ParseOptions(
            explicit_schema=pa.schema([(column, pa.string()) for column in columns]), unexpected_field_behavior="ignore"
        ),
    )
    return of_fields([found[column].combine_chunks() for column in columns], file_format, columns)


def of_fields(values: list[pa.Array], file_format: Format, columns: list[str]) -> pa.RecordBatch:
    """Rows from the values of each column; a failed formula of a worksheet is the fault that it was."""
    count = len(values[0])
    fault = pa.nulls(count, pa.string())
    if isinstance(file_format, XlsxFormat):
        failed = [pc.fill_null(pc.is_in(column, _FORMULA_ERRORS), False) for column in values]
        fault = pc.if_else(reduce(pc.or_, failed), "formula_error", fault)
    return pa.RecordBatch.from_arrays([pa.nulls(count, pa.int64()), fault, *values], schema=schema(columns))


def text_of(record: bytes, file_format: Format) -> str:
    """A record as text without its line end; bytes that do not decode as \\xNN."""
    encoding = file_format.encoding if isinstance(file_format, DelimitedFormat | FixedWidthFormat) else "utf-8"
    bare = record.rstrip(b"\r\n")
    try:
        return decode(bare, encoding)
    except UnicodeDecodeError:
        return bare.decode(encoding, "backslashreplace").replace("\x00", "\\x00")


def bytes_of(text: str, file_format: Format) -> bytes:
    """The record of a corrected text, with a line end.

    Raises:
        UnicodeEncodeError: the encoding has no such character.
    """
    encoding = file_format.encoding if isinstance(file_format, DelimitedFormat | FixedWidthFormat) else "utf-8"
    return text.encode(encoding) + b"\n"
