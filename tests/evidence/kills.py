"""Kill a business date at seeded random moments and run it again: the same published result and the same lists."""

import argparse
import os
import random
import signal
import subprocess
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from serving.publish import MARTS, content_digest
from tests.evidence import PROJECT, QIANMO, copy, empty_home, fail, must, qianmo, reported

DATES = [date(2026, 9, 28), date(2026, 9, 29)]
TIMED = ("mart_list_batch", "mart_list_delivery")


def run_and_kill(home: Path, day: date, seconds: float) -> bool:
    """Start the day in a process group of its own and SIGKILL the group after so long; True if it was killed."""
    process = subprocess.Popen(
        [QIANMO, "run", "--date", day.isoformat()],
        cwd=PROJECT,
        env=os.environ | {"QIANMO_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def content(home: Path, file: str) -> str:
    """Digest of a publication, but for the marts that hold when lists were approved and delivered."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home / 'sample' / 'published' / file}' as published (read_only)")
        return content_digest(connection, "published", MARTS, without=TIMED)


def outcome(home: Path) -> dict[str, Any]:
    """What a user can see: publications by content, deliveries by content, landed rows."""
    said = reported(home)
    return {
        "publications": sorted((one["business_date"], content(home, one["file_name"])) for one in said["publications"]),
        "deliveries": sorted((one["delivery_id"], one["content_sha256"], one["rows"]) for one in said["deliveries"]),
        "landed": {
            (day, table): (found["rows_in"], found["rows_landed"], found["rows_quarantined"], found["content_sha256"])
            for day, tables in said["business_dates"].items()
            for table, found in tables["tables"].items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=12, help="how many kills, spread over the two dates")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    with empty_home() as home:
        must(qianmo(home, "sample", "generate", "--scale", "0.001", "--from", f"{DATES[0]}", "--to", f"{DATES[-1]}"))
        disturbed = home / "disturbed"
        (disturbed / "sample").mkdir(parents=True)
        copy(home / "keys.env", disturbed / "keys.env")
        copy(home / "sample" / "inbox", disturbed / "sample" / "inbox")
        killed = 0
        for day in DATES:
            started = time.monotonic()
            must(qianmo(home, "run", "--date", day.isoformat()))
            whole = time.monotonic() - started
            for _ in range(arguments.kills // len(DATES)):
                moment = moments.uniform(0.02, 1.0) * whole
                was_killed = run_and_kill(disturbed, day, moment)
                killed += was_killed
                print(
                    f"{day}: {'killed' if was_killed else 'ended by itself'} at {moment:.1f} of {whole:.1f} s",
                    flush=True,
                )
            must(qianmo(disturbed, "run", "--date", day.isoformat()))
        expected, found = outcome(home), outcome(disturbed)
        for what in expected:
            if expected[what] != found[what]:
                fail(f"{what} differ after the kills: expected {expected[what]}, found {found[what]}")
        print(
            f"{killed} kills over {len(DATES)} dates: same {len(expected['publications'])} publications, "
            f"{len(expected['deliveries'])} deliveries and {len(expected['landed'])} batches as undisturbed"
        )


if __name__ == "__main__":
    main()
