"""What commands share: the chosen bank, a business date, JSON or not, and where progress is told."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qianmo.errors import ConfigurationError
from qianmo.home import PROJECT_ROOT

if TYPE_CHECKING:
    from ingestion.bank import Bank

Day = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def bank_folder(ctx: typer.Context) -> Path:
    """The chosen bank folder, relative to the current folder or to the project."""
    chosen: str = ctx.find_root().obj
    for candidate in (Path(chosen), PROJECT_ROOT / chosen):
        if (candidate / "bank.yml").is_file():
            return candidate.resolve()
    raise ConfigurationError(f"no bank folder {chosen}: expected the file {Path(chosen) / 'bank.yml'}")


def bank_of(ctx: typer.Context) -> "Bank":
    """The chosen bank, loaded and checked."""
    from ingestion.bank import load_bank

    return load_bank(bank_folder(ctx))


def progress(text: str) -> None:
    """A line with the time on stderr."""
    print(f"{datetime.now():%H:%M:%S}  {text}", file=sys.stderr, flush=True)
