"""`make demo` or `make test` on a fresh clone in an empty directory, timed against its bound."""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.evidence import PROJECT, fail

BOUNDS_MINUTES = {"demo": 12, "test": 30}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=BOUNDS_MINUTES)
    parser.add_argument("--keep", type=Path, help="clone here (must not exist) and leave it, to look at afterwards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qianmo-clone-") as folder:
        clone = arguments.keep or Path(folder) / "qianmo"
        subprocess.run(["git", "clone", "--quiet", PROJECT, clone], check=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("QIANMO_", "AIRFLOW"))}
        started = time.monotonic()
        ended = subprocess.run(["make", arguments.target], cwd=clone, env=environment, check=False).returncode
        minutes = (time.monotonic() - started) / 60
    if ended or minutes >= BOUNDS_MINUTES[arguments.target]:
        fail(f"make {arguments.target} ended {ended} after {minutes:.1f} minutes")
    print(f"make {arguments.target}: exit 0 in {minutes:.1f} minutes (bound {BOUNDS_MINUTES[arguments.target]})")


if __name__ == "__main__":
    main()
