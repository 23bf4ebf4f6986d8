"""The terminal, and tables on it."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

PRINTED_WIDTH = 160
"""Columns of a table when it goes to a file."""


def terminal() -> Console:
    """Standard output, with a width of its own when it goes to a file."""
    console = Console()
    return console if console.is_terminal else Console(width=PRINTED_WIDTH)


def show_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below headings; numbers to the right, nothing as a dash."""
    table = Table(title=title, title_justify="left")
    found = [list(row) for row in rows]
    for position, heading in enumerate(headings):
        is_number = any(isinstance(row[position], int) for row in found)
        table.add_column(heading, justify="right" if is_number else "left")
    for row in found:
        cells = ("-" if one is None else f"{one:,}" if isinstance(one, int) else str(one) for one in row)
        table.add_row(*cells)
    terminal().print(table)
