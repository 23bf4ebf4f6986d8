"""What a file's name says: columns of every row, and whose password opens it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from delivery.password import RECIPIENT_TYPES, derive_password
from ingestion.bank import XlsxFormat
from ingestion.readers.rows import Piece, Rows
from qianmo.errors import DataRefusedError


def name_parts(path: Path, file_format: XlsxFormat) -> dict[str, str]:
    """Column to text; nothing where the description asks for nothing.

    Raises:
        DataRefusedError: the name is not as described.
    """
    if file_format.name_parts is None:
        return {}
    found = re.search(file_format.name_parts, path.stem)
    if found is None:
        raise DataRefusedError(
            f"{path}: expected a file name like {file_format.name_parts}, found another one. Give the file the name it "
            "was delivered with"
        )
    return {name: text or "" for name, text in found.groupdict().items()}


def recipient_passwords(bank_name: str, parts: dict[str, str]) -> list[str]:
    """The passwords that a recipient's files may have: the name does not say what kind of recipient it is."""
    period = f"{parts['month'][:4]}-{parts['month'][4:]}"
    return [derive_password(bank_name, kind, parts["recipient"], period) for kind in RECIPIENT_TYPES]


def with_parts(rows: Rows, parts: dict[str, str]) -> Rows:
    """The rows with a column for each part of the name."""
    if not parts:
        return rows

    def pieces() -> Iterator[Piece]:
        for piece in rows.pieces():
            batch = piece.rows
            for name, text in parts.items():
                batch = batch.append_column(name, pa.repeat(text, batch.num_rows))
            yield Piece(batch, piece.raw, piece.may_be_shortened)

    return Rows([*rows.columns, *parts], pieces, rows.header)
