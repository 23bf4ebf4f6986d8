"""One module per claim in docs/evidence.md: each prints its figure last and exits non-zero when it falls short."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

PROJECT = Path(__file__).resolve().parent.parent.parent
QIANMO = Path(sys.executable).parent / "qianmo"


def qianmo(
    home: Path, *arguments: str, bank: str = "banks/sample", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the `qianmo` command on a home of its own and return what it printed."""
    return subprocess.run(
        [QIANMO, "--bank", bank, *arguments],
        cwd=PROJECT,
        env=os.environ | {"QIANMO_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def must(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The finished command, or the end of this script with what it said."""
    if done.returncode:
        fail(f"{' '.join(map(str, done.args))} ended {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def reported(home: Path, bank: str = "banks/sample") -> dict[str, Any]:
    result: dict[str, Any] = json.loads(must(qianmo(home, "status", "--json", bank=bank)).stdout)
    return result


def fail(message: str) -> NoReturn:
    print(f"FALLS SHORT: {message}")
    raise SystemExit(1)


def copy(origin: Path, place: Path) -> None:
    """Copy a file or folder with owners and modes: PostgreSQL refuses data that belong to somebody else."""
    subprocess.run(["cp", "-a", "-T", origin, place], check=True)


@contextmanager
def empty_home() -> Iterator[Path]:
    """A QIANMO_HOME of its own, with keys, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="qianmo-evidence-") as folder:
        home = Path(folder)
        must(qianmo(home, "keys", "init"))
        yield home


def on_county(
    text: str | None,
    scale: str,
    size: str,
    days: Sequence[str],
    report: Callable[[Path], None],
    steps: Sequence[str] = ("run",),
) -> None:
    """A script that reports on a sample county that went through steps on some days: one made here, or `--home`."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default=scale, help=f"of the county; {scale} is {size}")
    parser.add_argument("--seed", default="20211231")
    parser.add_argument("--home", type=Path, help=f"look at a home that went through {days[-1]} already")
    arguments = parser.parse_args()
    if arguments.home:
        report(arguments.home.resolve())
        return
    with empty_home() as home:
        go_through(home, days, steps, "--scale", arguments.scale, "--seed", arguments.seed)
        report(home)


def go_through(home: Path, days: Sequence[str], steps: Sequence[str], *county: str) -> None:
    """Make a sample county's files for some days and let it go through the steps of each."""
    must(qianmo(home, "sample", "generate", *county, "--from", days[0], "--to", days[-1]))
    for day in days:
        for step in steps:
            must(qianmo(home, step, "--date", day))
