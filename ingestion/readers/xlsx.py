"""Worksheets as people fill them in: title rows above the header, blank rows, stray spaces, IDs stored as numbers."""

from collections.abc import Iterator
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, SheetVisibleEnum, load_workbook

from ingestion.bank import XlsxFormat
from ingestion.readers.rows import Piece, Rows, schema
from qianmo.errors import DataRefusedError

_HEADER_ROWS = 50
"""The header is looked for in so many rows."""

_EXACT_DIGITS = 10**15
"""A worksheet stores numbers as floats: from here on digits have been lost."""

_FULL_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94) if chr(0x21 + i).isalnum() or chr(0x21 + i) in "-./+"}
_FULL_WIDTH[0x3000] = 0x20

_BATCH_ROWS = 20_000


def read_xlsx(path: Path, file_format: XlsxFormat) -> Rows:
    """Rows below the header; blank rows are not rows.

    Numbers without a fraction become integers without `.0` or exponent. Those of more than 15 digits keep an
    exponent: the file has lost their last digits, and no such text is a valid ID number.

    Raises:
        DataRefusedError: no workbook, no such sheet, or no row with all the header texts.
    """
    cells = _cells(path, file_format.sheet)
    header, positions = _header(path, cells, file_format)
    names = list(file_format.columns.values())
    return Rows(names, partial(_pieces, cells, header, positions, names))


def _cells(path: Path, sheet: str | None) -> list[list[Any]]:
    try:
        with load_workbook(path) as workbook:
            if sheet is None:
                sheet = next(s.name for s in workbook.sheets_metadata if s.visible == SheetVisibleEnum.Visible)
            elif sheet not in workbook.sheet_names:
                raise DataRefusedError(f"{path}: expected sheet {sheet}, found {', '.join(workbook.sheet_names)}")
            return workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except (CalamineError, StopIteration) as error:
        raise DataRefusedError(f"{path}: expected a workbook with a visible sheet, found {error}") from None


def _header(path: Path, cells: list[list[Any]], file_format: XlsxFormat) -> tuple[int, list[int]]:
    """Index of the header row, and the position of each described column."""
    nearest: list[str] = []
    wanted = [_without_blanks(text) for text in file_format.columns]
    for number, row in enumerate(cells[:_HEADER_ROWS]):
        texts = [_without_blanks(text_of(cell) or "") for cell in row]
        if all(text in texts for text in wanted):
            return number, [texts.index(text) for text in wanted]
        if sum(text in texts for text in wanted) > sum(text in nearest for text in wanted):
            nearest = texts
    missing = [text for text in wanted if text not in nearest]
    found = ", ".join(text for text in nearest if text) or "no such row"
    raise DataRefusedError(
        f"{path}: expected header column {', '.join(missing)} in one of the first {_HEADER_ROWS} rows, found {found}"
    )


def _pieces(cells: list[list[Any]], header: int, positions: list[int], names: list[str]) -> Iterator[Piece]:
    layout = schema(names)
    rows: list[tuple[int, list[str | None]]] = []
    for number, row in enumerate(cells[header + 1 :], start=header + 2):
        values = [text_of(row[position]) for position in positions]
        if any(values):
            rows.append((number, values))
    for at in range(0, len(rows), _BATCH_ROWS):
        part = rows[at : at + _BATCH_ROWS]
        head = [pa.array([number for number, _ in part], pa.int64()), pa.nulls(len(part), pa.string())]
        columns = [pa.array([values[i] for _, values in part], pa.string()) for i in range(len(names))]
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
            whole = float(cell).is_integer() and abs(cell) < _EXACT_DIGITS
            return str(int(cell)) if whole else repr(float(cell))
        case datetime():
            return cell.isoformat(sep=" ") if cell.time() != time() else cell.date().isoformat()
        case date() | time():
            return cell.isoformat()
    return str(cell).translate(_FULL_WIDTH).strip() or None
