"""What a message may say of a source's content: names of columns and kinds of errors, never a row's values."""

import re
from collections.abc import Collection, Sequence

import duckdb

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONG_NUMBER = re.compile(r"[0-9]{5,}[Xx]?")
_COLUMN_NAME = re.compile(r"[A-Za-z_]+[0-9]{0,3}[A-Za-z_]*")


def header_told(expected: Collection[str], found: Sequence[str]) -> str:
    """The expected names of a header that was found, and others that can be nothing else; the rest is counted.

    Where a header line is missing, joined with the next one, or laid out as a form, persons are in its place.
    """
    told = [text for text in found if text in expected or _COLUMN_NAME.fullmatch(text)]
    hidden = sum(1 for text in found if text) - len(told)
    return ", ".join([*told, *([f"{hidden} not shown, which may be data"] if hidden else [])]) or "none"


def name_told(text: str, position: int) -> str:
    """A header text that nobody described; its position in the file, from 1, where it may be a value."""
    return text if _COLUMN_NAME.fullmatch(text) else f"第{position}列"


def error_told(error: duckdb.Error) -> str:
    """The first line of what an expression failed with on a row, without the row's values."""
    return _LONG_NUMBER.sub("…", _QUOTED.sub("…", str(error).splitlines()[0]))
