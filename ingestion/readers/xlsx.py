"""Worksheets as people fill them in: title rows above the header, blank rows, stray spaces, IDs stored as numbers.

Rows hidden by a filter are rows. A cell merged downwards means its value for every row it spans; one merged sideways
keeps its value in its first column.
"""

import lzma
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import openpyxl
import pyarrow as pa
from msoffcrypto import OfficeFile  # type: ignore[import-untyped]
from msoffcrypto.exceptions import DecryptionError, InvalidKeyError  # type: ignore[import-untyped]
from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum, load_workbook

from ingestion.bank import XlsxFormat
from ingestion.readers.compressed import archive_kind, opened
from ingestion.readers.header import Header, compare
from ingestion.readers.rows import Piece, Rows, schema
from ingestion.telling import header_told
from qianmo.errors import DataRefusedError

_LARGEST_BYTES = 256 << 20
"""A workbook is read in memory; a full sheet of 1,048,576 rows and 20 columns takes about 100 MB."""

_EXPANDED_BYTES = 2 << 30
_HIGHEST_RATIO = 200
"""A workbook's parts expand 10 to 50 times; above these limits it is a bomb."""

_BLOCK_BYTES = 1 << 20

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""Name of the stream that holds a workbook with a password (MS-OFFCRYPTO 1.3.1)."""

_DAMAGED = (
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
)
"""What Python's reader of archives raises over a damaged one, by which part the damage is in."""

_MOST_CELLS = 16_000_000
"""A worksheet is in memory as a whole, empty cells too: one cell in a far corner would take all there is."""

_REFERENCE = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")

_ERROR_CELL = re.compile(rb"<c\s[^>]*\bt=[\"']e[\"']")
_LONGEST_CELL_START = 256

_HEADER_ROWS = 50
"""The header is looked for in so many rows."""

_EXACT_DIGITS = 10**15
"""A worksheet stores numbers as floats: from here on digits have been lost."""

_FULL_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94) if chr(0x21 + i).isalnum() or chr(0x21 + i) in "-./+"}
_FULL_WIDTH[0x3000] = 0x20

_BATCH_ROWS = 20_000


@dataclass(frozen=True)
class _Sheet:
    """A worksheet whose header was found."""

    cells: list[list[Any]]
    first_row: int
    """Index of the first row below the header."""
    positions: list[int]
    """Column of each name."""
    names: list[str]
    """The described names that are there."""
    header: Header
    spread: dict[tuple[int, int], Any]
    """Values of the cells that a downward merge covers, by row and column; only below the header."""
    errors: dict[tuple[int, int], str]
    """Formulas that failed, such as #REF!, by row and column."""


def read_xlsx(path: Path, file_format: XlsxFormat, passwords: Sequence[str] = ()) -> Rows:
    """Rows below the header; blank rows are not rows.

    Numbers without a fraction become integers without `.0` or exponent. Those of more than 15 digits keep an
    exponent: the file has lost their last digits, and no such text is a valid ID number. A row with a failed formula
    has the fault formula_error.

    Args:
        passwords: one of them opens the workbook if it has a password.

    Raises:
        DataRefusedError: no workbook or one with another password, no such sheet, no row with most of the header
            texts, or several visible sheets with it where none is named.
    """
    sheet = _sheet(path, file_format, passwords)
    return Rows(sheet.names, partial(_pieces, sheet, sheet.names), sheet.header)


def _sheet(path: Path, file_format: XlsxFormat, passwords: Sequence[str]) -> _Sheet:
    content = _content(path, file_format)
    if _ENCRYPTED in content and not content.startswith(b"PK"):
        content = _decrypted(path, content, passwords)
    has_errors = _inspected(path, content)
    try:
        with load_workbook(BytesIO(content)) as workbook:
            worksheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
            if file_format.sheet is None:
                names = [s.name for s in worksheets if s.visible == SheetVisibleEnum.Visible]
            else:
                names = [s.name for s in worksheets if s.name == file_format.sheet]
            if not names:
                wanted = f"sheet {file_format.sheet}" if file_format.sheet else "a visible sheet"
                found = ", ".join(s.name for s in worksheets) or "none"
                raise DataRefusedError(f"{path}: expected {wanted}, found {found}")
            sheets: dict[str, _Sheet] = {}
            refusal: DataRefusedError | None = None
            # a sheet with the whole header goes before one that lacks a column
            for whole, name in [*((True, name) for name in names), *((False, name) for name in names)]:
                if sheets and not whole:
                    break
                sheet = workbook.get_sheet_by_name(name)
                cells, merges = sheet.to_python(skip_empty_area=False), sheet.merged_cell_ranges or []
                try:
                    sheets[name] = _below_header(path, cells, merges, file_format, whole)
                except DataRefusedError as error:
                    refusal = refusal or error
    except CalamineError as error:
        raise DataRefusedError(f"{path}: expected a workbook, found one that cannot be read: {error}") from None
    if not sheets and refusal:
        raise refusal
    if len(sheets) > 1:
        raise DataRefusedError(
            f"{path}: expected one visible sheet with the header, found it in {', '.join(sheets)}. "
            "Name the one to read in format.sheet, or have one sheet sent"
        )
    [(name, only)] = sheets.items()
    if has_errors:
        only.errors.update(_errors(path, content, name))
    return only


def _content(path: Path, file_format: XlsxFormat) -> bytes:
    """The workbook's bytes."""
    with opened(path, file_format) as stream:
        parts = []
        size = 0
        while block := stream.read(_BLOCK_BYTES):
            parts.append(block)
            size += len(block)
            if size > _LARGEST_BYTES:
                raise DataRefusedError(
                    f"{path}: expected a workbook of at most {_LARGEST_BYTES >> 20} MiB, found more. "
                    "Have it sent in parts or as text"
                )
    return b"".join(parts)


def _decrypted(path: Path, content: bytes, passwords: Sequence[str]) -> bytes:
    """The workbook inside an encrypted one, opened in memory; only as much as is delivered expands from it."""
    if not passwords:
        raise DataRefusedError(
            f"{path}: expected a workbook without a password, found an encrypted one. Have it sent without"
        )
    for password in passwords:
        plain = BytesIO()
        try:
            office = OfficeFile(BytesIO(content))
            office.load_key(password=password, verify_password=True)
            office.decrypt(plain)
        except (InvalidKeyError, DecryptionError):
            continue
        except Exception as error:  # msoffcrypto lets out whatever a damaged container leads it to
            raise DataRefusedError(
                f"{path}: expected an encrypted workbook, found a damaged one ({type(error).__name__}). Have it sent "
                "again"
            ) from None
        return plain.getvalue()
    raise DataRefusedError(
        f"{path}: expected a workbook that its recipient's password opens, found another password. Was the file "
        "renamed? Its name says whose it is; else have it sent without a password"
    )


def _inspected(path: Path, content: bytes) -> bool:
    """Whether a formula failed anywhere; every part is expanded once, in pieces, before the reader takes it whole.

    Raises:
        DataRefusedError: the file is no workbook of this format, is cut off, or expands beyond the limits.
    """
    if not content.startswith(b"PK\x03\x04"):
        kind = archive_kind(content) or ("text or other content" if content else "an empty file")
        raise DataRefusedError(f"{path}: expected an .xlsx workbook, found {kind}. Have it saved as .xlsx")
    has_errors = False
    expanded = 0
    try:
        with ZipFile(BytesIO(content)) as archive:
            for info in archive.infolist():
                # the size that the archive states may be a lie: read on to where the data end
                unlimited = copy(info)
                unlimited.file_size = _EXPANDED_BYTES
                del unlimited.CRC
                extent = _Extent()
                with archive.open(unlimited) as part:
                    tail = b""
                    while block := part.read(_BLOCK_BYTES):
                        expanded += len(block)
                        if expanded > _EXPANDED_BYTES or expanded > max(64 << 20, len(content) * _HIGHEST_RATIO):
                            raise DataRefusedError(
                                f"{path}: expected a workbook, found {len(content):,} bytes that expand beyond "
                                f"{expanded:,}: no workbook is packed so densely. Ask the sender what this file is"
                            )
                        if info.filename.endswith(".xml") and "sheet" in info.filename:
                            has_errors = has_errors or _ERROR_CELL.search(tail + block) is not None
                            extent.add(tail + block)
                            tail = block[-_LONGEST_CELL_START:]
                if extent.columns * extent.rows > _MOST_CELLS:
                    raise DataRefusedError(
                        f"{path}: expected a worksheet of up to {_MOST_CELLS:,} cells, found one with {extent.rows:,} "
                        f"rows and {extent.columns:,} columns. Delete what is far below or right of the table"
                    )
    except _DAMAGED as error:
        raise DataRefusedError(
            f"{path}: expected a complete workbook, found one that is cut off or damaged ({error}). Have it sent again"
        ) from None
    return has_errors


class _Extent:
    """The last column and the last row that any cell of a worksheet is in."""

    def __init__(self) -> None:
        self.columns = 0
        self.rows = 0

    def add(self, part: bytes) -> None:
        """Look at the cells' references in a part of the worksheet."""
        found = _REFERENCE.findall(part)
        self.rows = max(self.rows, max((int(row) for _, row in found), default=0))
        for letters in {letters for letters, _ in found}:
            column = 0
            for letter in letters:
                column = column * 26 + letter - 64
            self.columns = max(self.columns, column)


def _errors(path: Path, content: bytes, sheet: str) -> dict[tuple[int, int], str]:
    """Cells with an error value; calamine gives them as empty ones."""
    try:
        workbook = openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=True)
        return {
            (row, column): str(cell.value)
            for row, cells in enumerate(workbook[sheet].iter_rows())
            for column, cell in enumerate(cells)
            if cell.data_type == "e"
        }
    except Exception as error:  # openpyxl lets out whatever a damaged part leads it to
        raise DataRefusedError(
            f"{path}: expected a workbook, found a damaged part ({type(error).__name__}). Have it saved and sent again"
        ) from None


def _below_header(
    path: Path,
    cells: list[list[Any]],
    merges: list[tuple[tuple[int, int], tuple[int, int]]],
    file_format: XlsxFormat,
    whole: bool,
) -> _Sheet:
    """The sheet from its header on. A header of two rows, merged downwards, ends with its lower row."""
    covered = {
        (row, left): cells[top][left]
        for (top, left), (bottom, _) in merges
        for row in range(top + 1, bottom + 1)
        if row < len(cells)
    }
    top_rows = [list(row) for row in cells[:_HEADER_ROWS]]
    for (row, column), value in covered.items():
        if row < len(top_rows) and top_rows[row][column] in (None, ""):
            top_rows[row][column] = value
    header, texts = _header(path, top_rows, file_format, whole)
    described = {_without_blanks(text): name for text, name in file_format.columns.items()}
    there = [text for text in described if text in texts]
    positions = [texts.index(text) for text in there]
    last = max(
        [header] + [bottom for (top, left), (bottom, _) in merges if top <= header <= bottom and left in positions],
    )
    spread = {
        (row, left): cells[top][left]
        for (top, left), (bottom, _) in merges
        for row in range(top + 1, bottom + 1)
        if top > last
    }
    names = [described[text] for text in there]
    not_read = {_without_blanks(text) for text in file_format.not_read}
    return _Sheet(cells, last + 1, positions, names, compare(described, texts, not_read), spread, {})


def _header(path: Path, cells: list[list[Any]], file_format: XlsxFormat, whole: bool) -> tuple[int, list[str]]:
    """Index and texts of the header row: the first with all described texts, or unless `whole` with most of them."""
    nearest_number = 0
    nearest: list[str] = []
    wanted = [_without_blanks(text) for text in file_format.columns]
    for number, row in enumerate(cells[:_HEADER_ROWS]):
        texts = [_without_blanks(text_of(cell) or "") for cell in row]
        if all(text in texts for text in wanted):
            return number, texts
        if sum(text in texts for text in wanted) > sum(text in nearest for text in wanted):
            nearest_number, nearest = number, texts
    missing = [text for text in wanted if text not in nearest]
    if not whole and len(missing) * 2 < len(wanted):
        return nearest_number, nearest
    found = header_told(wanted, nearest) if nearest else "no such row"
    raise DataRefusedError(
        f"{path}: expected header column {', '.join(missing)} in one of the first {_HEADER_ROWS} rows, found {found}"
    )


def _pieces(sheet: _Sheet, names: list[str]) -> Iterator[Piece]:
    layout = schema(names)
    rows: list[tuple[int, str | None, list[str | None]]] = []
    for number, row in enumerate(sheet.cells[sheet.first_row :], start=sheet.first_row):
        failed = [sheet.errors.get((number, position)) for position in sheet.positions] if sheet.errors else []
        values = [text_of(row[position]) for position in sheet.positions]
        if not any(values) and not any(failed):
            continue
        for at, position in enumerate(sheet.positions):
            if values[at] is None and (number, position) in sheet.spread:
                values[at] = text_of(sheet.spread[number, position])
        if any(failed):
            values = [error or value for error, value in zip(failed, values, strict=True)]
        rows.append((number + 1, "formula_error" if any(failed) else None, values))
    for at in range(0, len(rows), _BATCH_ROWS):
        part = rows[at : at + _BATCH_ROWS]
        head = [
            pa.array([number for number, _, _ in part], pa.int64()),
            pa.array([fault for _, fault, _ in part], pa.string()),
        ]
        columns = [pa.array([values[i] for _, _, values in part], pa.string()) for i in range(len(names))]
        yield Piece(pa.RecordBatch.from_arrays([*head, *columns], schema=layout))


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def text_of(cell: Any) -> str | None:
    """A cell as text: trimmed, full-width letters and digits made half-width, dates ISO, whole numbers plain."""
    match cell:
        case None | "":
            return None
        case bool():
            return "true" if cell else "false"
        case int() | float():
            if abs(cell) >= _EXACT_DIGITS:
                return f"{cell:.15e}"  # Python would write one of 16 digits as if they were exact
            return str(int(cell)) if float(cell).is_integer() else repr(float(cell))
        case datetime():
            return cell.isoformat(sep=" ") if cell.time() != time() else cell.date().isoformat()
        case date() | time():
            return cell.isoformat()
    return str(cell).translate(_FULL_WIDTH).strip() or None
