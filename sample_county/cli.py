"""`qianmo sample …`: the sample county."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from qianmo.home import BankHome
from sample_county.divisions import BUNDLED, read_divisions
from sample_county.generate import generate as make

app = typer.Typer(help="The sample county: a made-up bank for trying things out.", no_args_is_help=True)

DEMO_SCALE, DEMO_SEED = 0.005, 20211231
DEMO_FIRST, DEMO_LAST = datetime(2026, 9, 28), datetime(2026, 9, 30)


@app.callback()
def main() -> None:
    """The sample county: a made-up bank for trying things out."""


@app.command()
def generate(
    scale: Annotated[float, typer.Option(help="1.0 is a county of 1.5 million people.")] = DEMO_SCALE,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = DEMO_SEED,
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First business date: full load.")
    ] = DEMO_FIRST,
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last business date.")] = DEMO_LAST,
    out: Annotated[Path | None, typer.Option(help="Inbox; by default the sample bank's below QIANMO_HOME.")] = None,
    divisions: Annotated[
        list[Path] | None,
        typer.Option(help="Code lists of another county's towns and villages: a folder, or once per CSV file."),
    ] = None,
    county_name: Annotated[str | None, typer.Option(help="Name of the county of --divisions, such as 示范县.")] = None,
) -> None:
    """Write the deliveries of the sample bank for every date from --from to --to."""
    home = BankHome.of("sample")
    inbox = out or home.inbox
    county = read_divisions(divisions or BUNDLED, county_name)
    truth = home.root / "truth"
    make(inbox, scale, seed, first.date(), last.date(), inbox / "acquiring_postgres", truth, typer.echo, county)
    typer.echo(f"inbox: {inbox}")
