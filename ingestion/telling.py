"""What a message may say of a source's content: names of columns and kinds of errors, never a row's values."""

import re
from collections.abc import Sequence

import duckdb

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONG_NUMBER = re.compile(r"[0-9]{5,}[Xx]?")


def header_told(found: Sequence[str], is_header: bool) -> str:
    """The texts of a header; where nothing in the line is known as one it may be a row of data, and is not told."""
    if is_header:
        return ", ".join(found)
    return f"none of the columns in a line of {len(found)} values: is it a row of data?"


def error_told(error: duckdb.Error) -> str:
    """The first line of what an expression failed with on a row, without the row's values."""
    return _LONG_NUMBER.sub("…", _QUOTED.sub("…", str(error).splitlines()[0]))
