"""Headers: the columns of a delivery by the texts above them, and how they differ from those described."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from ingestion.bank import DelimitedFormat, FixedWidthFormat, SqlFormat, XlsxFormat
from ingestion.telling import name_told


@dataclass(frozen=True)
class Header:
    """How the columns that are there fit those described."""

    absent: dict[str, str] | None = None
    """Name to header text of described columns that are not there; None where the description names none."""
    drift: list[tuple[str, str]] = field(default_factory=list)
    """(header text, added | removed | reordered), in the order of the file; see `name_told` for those added."""
    known: list[str] = field(default_factory=list)
    """Texts that are described."""
    texts: list[str] = field(default_factory=list)
    """As found; none where there is no header."""


def described_columns(
    file_format: DelimitedFormat | FixedWidthFormat | XlsxFormat | SqlFormat,
) -> dict[str, str] | None:
    """Header text to name; None where the description takes what it finds, nothing where there is no header."""
    match file_format:
        case DelimitedFormat(header=True, columns=None) | SqlFormat():
            return None
        case DelimitedFormat(header=True) | XlsxFormat():
            columns = file_format.columns or []
            return dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    return {}


def compare(described: dict[str, str] | None, found: Sequence[str], not_read: Collection[str]) -> Header:
    """Hold the texts of a header against those described. Columns are read by name: their order is only noted."""
    if described is None:
        return Header(texts=list(found))
    expected = [text for text in described if text in found]
    there = [text for text in found if text in described]
    blocks = SequenceMatcher(None, expected, there, autojunk=False).get_matching_blocks()
    in_order = {text for block in blocks for text in there[block.b : block.b + block.size]}
    changes = [
        (text, "reordered") if text in described else (name_told(text, position), "added")
        for position, text in enumerate(found, start=1)
        if text and text not in in_order and text not in not_read
    ]
    removed = {name: text for text, name in described.items() if text not in found}
    texts = [text for text in found if text]
    return Header(removed, changes + [(text, "removed") for text in removed.values()], there, texts)


def absent_columns(described: dict[str, str] | None, columns: Sequence[str]) -> dict[str, str] | None:
    """Name to header text of described columns that are not among the names of those read."""
    if described is None:
        return None
    return {name: text for text, name in described.items() if name not in columns}
