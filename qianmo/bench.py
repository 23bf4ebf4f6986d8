"""`qianmo bench`: how long generation, landing and build of the sample county take here, as whole processes."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from qianmo.demo import FIRST_DATE, SEED
from qianmo.home import PROJECT_ROOT, BankHome

RUNS = 3
SCALE = 0.005

Step = tuple[str, list[str]]


def bench(progress: Callable[[str], None]) -> None:
    """Each step in a scratch folder, RUNS times; prints the median, the spread and the rows landed per second."""
    second = FIRST_DATE + timedelta(days=1)
    generate = ["sample", "generate", "--scale", str(SCALE), "--seed", str(SEED)]
    steps: list[Step] = [
        ("generate 180 days and two dates", [*generate, "--from", str(FIRST_DATE), "--to", str(second)]),
        ("land the first date", ["land", "--date", str(FIRST_DATE)]),
        ("build the first date", ["build", "--date", str(FIRST_DATE)]),
        ("land the next date", ["land", "--date", str(second)]),
        ("build the next date", ["build", "--date", str(second)]),
    ]
    seconds: dict[str, list[float]] = {name: [] for name, _ in steps}
    rows: dict[str, int] = {}
    for number in range(1, RUNS + 1):
        with tempfile.TemporaryDirectory(prefix="qianmo-bench-") as scratch:
            _qianmo(Path(scratch), ["keys", "init"])
            for name, arguments in steps:
                progress(f"run {number} of {RUNS}: {name}")
                started = time.monotonic()
                _qianmo(Path(scratch), arguments)
                seconds[name].append(time.monotonic() - started)
            rows = {
                "land the first date": _rows_landed(Path(scratch), FIRST_DATE),
                "land the next date": _rows_landed(Path(scratch), second),
            }
    print(f"sample county at scale {SCALE}, {os.cpu_count()} cores, median of {RUNS} runs (fastest to slowest)")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        speed = f", {rows[name]:,} rows, {rows[name] / median:,.0f} rows/s" if name in rows else ""
        print(f"{name:<32} {median:6.1f} s ({min(taken):.1f} to {max(taken):.1f}){speed}")


def _qianmo(home: Path, arguments: list[str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "qianmo", *arguments],
        env=os.environ | {"QIANMO_HOME": str(home)},
        cwd=PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )


def _rows_landed(home: Path, business_date: date) -> int:
    from qianmo import ledger

    found = ledger.rows(BankHome(home / "sample"), ledger.landing_batch, business_date=business_date.isoformat())
    return sum(row["rows_landed"] or 0 for row in found)
