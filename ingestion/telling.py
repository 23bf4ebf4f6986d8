"""What a message may say of a source's content: names of columns, never a row's values."""

import re
from collections.abc import Sequence

_COLUMN_NAME = re.compile(r"[A-Za-z_]+[0-9]{0,3}[A-Za-z_]*")


def header_told(expected: Sequence[str], found: Sequence[str]) -> str:
    """The expected names of a header that was found, and others that can be nothing else; the rest is counted.

    Where a header line is missing, joined with the next one, or laid out as a form, persons are in its place.
    """
    told = [text for text in found if text in expected or _COLUMN_NAME.fullmatch(text)]
    hidden = sum(1 for text in found if text) - len(told)
    return ", ".join([*told, *([f"{hidden} not shown, which may be data"] if hidden else [])]) or "none"
