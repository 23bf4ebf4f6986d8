"""Kill proposal and delivery at seeded random moments and run them again: one complete file per recipient and batch.

Real processes hand over the lists of three business dates (each other rows, removals and re-sent content) and are ended
by SIGKILL; then one goes to its end, and what is in place is held against a home that was never disturbed: the same
packages with the same rows before encryption, each intact and as the ledger has it, and the same decisions.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from delivery.manifest import MANIFEST, is_intact, read_manifest
from ingestion.bank import load_bank
from qianmo import ledger
from tests.evidence import PROJECT, copy, empty_home, fail, go_through, must, qianmo

DATES = [date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)]
HAND_OVER = """
import sys
from datetime import date
from delivery.deliver import hand_over
from ingestion.bank import load_bank
bank = load_bank(__import__("pathlib").Path(sys.argv[1]))
print("ready", flush=True)
hand_over(bank, date.fromisoformat(sys.argv[2]), lambda _: None)
"""
BANK = PROJECT / "banks" / "sample"


def start(home: Path, day: date) -> "subprocess.Popen[str]":
    """Propose and deliver a date in a process group of its own; it says when its imports are done."""
    return subprocess.Popen(
        [sys.executable, "-c", HAND_OVER, str(BANK), day.isoformat()],
        cwd=PROJECT,
        env=os.environ | {"QIANMO_HOME": str(home), "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        fail(f"the delivery did not start: {process.stderr.read() if process.stderr else ''}")


def run_through(home: Path, day: date) -> float:
    """To the end; seconds from where the process was ready."""
    process = start(home, day)
    ready(process)
    started = time.monotonic()
    _, said = process.communicate()
    if process.returncode:
        fail(f"delivery of {day} ended {process.returncode}: {said[-2000:]}")
    return time.monotonic() - started


def run_and_kill(home: Path, day: date, seconds: float) -> bool:
    """SIGKILL so many seconds after it was ready; True if it was still at work."""
    process = start(home, day)
    ready(process)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def state(home: Path) -> dict[str, Any]:
    """What recipients and the ledger have, without what every encryption and clock makes different."""
    os.environ["QIANMO_HOME"] = str(home)
    bank = load_bank(BANK)
    packages: dict[str, Any] = {}
    for path in sorted(bank.home.delivery.glob(f"2*/*/*/*/{MANIFEST}")):
        manifest = read_manifest(path.parent)
        if manifest is None or not is_intact(path.parent, manifest):
            fail(f"{path.parent} is not whole")
        if manifest.delivery_id in packages:
            fail(f"{manifest.delivery_id} is there twice")
        packages[manifest.delivery_id] = (manifest, path.parent.relative_to(bank.home.delivery))
    recorded = {row["delivery_id"]: row for row in ledger.rows(bank.home, ledger.delivery)}
    if set(recorded) != set(packages):
        fail(f"the ledger has {len(recorded)} packages, {len(packages)} are in place")
    for name, (manifest, _) in packages.items():
        row = recorded[name]
        if json.loads(row["files"]) != manifest.files or row["content_sha256"] != manifest.rows_sha256:
            fail(f"{name}: the ledger says something else than the package")
    leftovers = [path for path in bank.home.delivery.rglob(".*") if path.name != ".lock"]
    leftovers += list(bank.home.list_batches.rglob(".*"))
    if leftovers:
        fail(f"left behind: {leftovers[0]}")
    return {
        "packages": {
            # Approvals have the time of each home; the rows that are sent have not.
            name: (str(folder), manifest.rows, manifest.new_rows, manifest.removed_rows, manifest.rows_sha256)
            for name, (manifest, folder) in packages.items()
        },
        "decisions": {
            row["batch_id"]: (row["state"], row["rows"], row["content_sha256"], row["decided_by"])
            for row in ledger.rows(bank.home, ledger.list_batch)
        },
        "frozen": sorted(path.name for path in bank.home.list_batches.iterdir()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how many kills of a process at work")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", default="0.002")
    parser.add_argument("--home", type=Path, help="a home whose dates were run: its publications are delivered anew")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with empty_home() as scratch:
        origin = arguments.home.resolve() if arguments.home else scratch / "origin"
        if not arguments.home:
            make(origin, arguments.scale)
        expected: dict[date, Any] = {}
        whole: dict[date, float] = {}
        undisturbed = fresh(origin, scratch / "undisturbed")
        for day in DATES:
            point_at(undisturbed, day)
            whole[day] = run_through(undisturbed, day)
            expected[day] = state(undisturbed)
        killed = ended = rounds = 0
        while killed < arguments.kills:
            rounds += 1
            place = fresh(origin, scratch / f"disturbed-{rounds}")
            for day in DATES:
                point_at(place, day)
                for _ in range(min(chance.randint(2, 6), arguments.kills - killed)):
                    was_killed = run_and_kill(place, day, chance.uniform(0.02, 1) * whole[day])
                    killed += was_killed
                    ended += not was_killed
                run_through(place, day)
                if (found := state(place)) != expected[day]:
                    wrong = [what for what in found if found[what] != expected[day][what]]
                    fail(f"round {rounds}, {day}, after {killed} kills: {', '.join(wrong)} differ")
            print(f"round {rounds}: {killed} kills, {ended} ended before theirs; as undisturbed", flush=True)
            shutil.rmtree(place)
        packages = expected[DATES[-1]]["packages"]
        print(
            f"{killed} kills (seed {arguments.seed}, {rounds} rounds of {len(DATES)} dates): every recipient has one"
            f" complete file per batch, {len(packages)} packages of {len(expected[DATES[-1]]['decisions'])} batches"
            " with the rows of an undisturbed run, and the ledger agrees"
        )


def make(home: Path, scale: str) -> None:
    """A county whose three dates are published."""
    home.mkdir()
    must(qianmo(home, "keys", "init"))
    go_through(home, [day.isoformat() for day in DATES], ["run"], "--scale", scale)


def fresh(origin: Path, place: Path) -> Path:
    """What delivery reads, and a ledger without anything delivered."""
    for name in ("vault", "published"):
        (place / "sample").mkdir(parents=True, exist_ok=True)
        copy(origin / "sample" / name, place / "sample" / name)
    copy(origin / "keys.env", place / "keys.env")
    copy(origin / "sample" / "ledger.sqlite", place / "sample" / "ledger.sqlite")
    os.environ["QIANMO_HOME"] = str(place)
    with ledger.transaction(load_bank(BANK).home) as connection:
        for table in (ledger.delivery, ledger.list_batch, ledger.list_decision):
            connection.execute(table.delete())
    return place


def point_at(home: Path, day: date) -> None:
    """Let the publication of the date be the one that is read."""
    os.environ["QIANMO_HOME"] = str(home)
    bank = load_bank(BANK)
    rows = [row for row in ledger.rows(bank.home, ledger.publication) if row["business_date"] == day.isoformat()]
    row = rows[-1]
    pointer = {"version": row["version"], "file": row["file_name"], "business_date": row["business_date"]}
    (bank.home.published / "current.json").write_text(json.dumps(pointer | {"published_at": row["recorded_at"]}))


if __name__ == "__main__":
    main()
