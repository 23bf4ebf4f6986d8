"""Kill `qianmo land` at seeded random moments and run it again: the same landing, row for row, and the same ledger.

Real processes land delimited text, fixed width, CSV, workbooks and an embedded PostgreSQL through four phases: a first
date, the same date re-sent with other content, a second date, and the first content of the first date once more. In
each phase some runs in a row are ended by SIGKILL, one goes to its end, and everything below the bank's home is held
against a home that was never disturbed. Rounds are added, each in a fresh home, until so many kills were real: the
process was still alive.
"""

import argparse
import gzip
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from ingestion.encryption import is_encrypted, open_encrypted
from qianmo.home import BankHome
from qianmo.ledger import metadata, rows
from tests.evidence import PROJECT, QIANMO, copy, empty_home, fail, must, qianmo

BANK = "kills"
FIRST, SECOND = date(2026, 9, 28), date(2026, 9, 29)
TABLES = {
    "core": ["transaction", "customer", "account"],
    "acquiring": ["merchant", "terminal"],
    "social_security": ["card_holder", "contribution"],
    "credit": ["village_roster", "loan"],
    "marketing": ["visit", "authorisation"],
}
_CORE = f"core/{FIRST:%Y%m%d}"


def write_bank(folder: Path) -> None:
    """The sample bank with a few tables of every kind of source."""
    sample = PROJECT / "banks" / "sample"
    bank = yaml.safe_load((sample / "bank.yml").read_text(encoding="utf-8"))
    documents = {"bank.yml": bank | {"name": BANK, "sources": list(TABLES)}}
    for source, tables in TABLES.items():
        described = yaml.safe_load((sample / "sources" / f"{source}.yml").read_text(encoding="utf-8"))
        described["tables"] = {table: described["tables"][table] for table in tables}
        documents[f"sources/{source}.yml"] = described
    for name, document in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


def resend(inbox: Path) -> None:
    """Other content for the first date: rows cut, doubled and spoilt in every file; control files agree."""
    for table in ("transaction", "customer"):
        path = inbox / _CORE / f"{table}_{FIRST:%Y%m%d}.dat.gz"
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        lines = [*lines[: -len(lines) // 20], lines[7], b"spoilt\n", lines[3], lines[-1]]
        path.write_bytes(gzip.compress(b"".join(lines), 1, mtime=0))
        content = path.read_bytes()
        path.with_name(f"{table}_{FIRST:%Y%m%d}.ctl").write_text(
            f"business_date={FIRST}\nrows={len(lines)}\nbytes={len(content)}\nsha256={sha256(content).hexdigest()}\n"
        )
    for name in (
        f"social_security/{FIRST:%Y%m%d}/card_holder_{FIRST:%Y%m%d}.txt",
        f"credit/{FIRST:%Y%m%d}/loan_{FIRST:%Y%m%d}.csv",
    ):
        path = inbox / name
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[:-9], lines[5], b"spoilt\n"]))
    first, second, *_ = sorted((inbox / "credit" / f"{FIRST:%Y%m%d}" / "roster").glob("*.xlsx"))
    shutil.copyfile(second, first)


def restore(inbox: Path, original: Path) -> None:
    """The files of the first date as they were sent first."""
    for source in TABLES:
        if (original / source / f"{FIRST:%Y%m%d}").is_dir():
            shutil.copytree(
                original / source / f"{FIRST:%Y%m%d}", inbox / source / f"{FIRST:%Y%m%d}", dirs_exist_ok=True
            )


def phases(original: Path) -> dict[str, tuple[date, Callable[[Path], None]]]:
    """Name to business date and what is done to the inbox before it is landed."""
    return {
        "first date": (FIRST, lambda inbox: None),
        "first date re-sent": (FIRST, resend),
        "second date": (SECOND, lambda inbox: None),
        "first date as before": (FIRST, lambda inbox: restore(inbox, original)),
    }


def new_home(home: Path, place: Path) -> Path:
    """A QIANMO_HOME with the keys and the inbox of `home`."""
    (place / BANK).mkdir(parents=True)
    copy(home / "keys.env", place / "keys.env")
    copy(home / "sample" / "inbox", place / BANK / "inbox")
    return place


def _start(home: Path, bank: Path, day: date) -> "subprocess.Popen[str]":
    """`qianmo land` in a process group of its own; it says one line on stderr for each table."""
    return subprocess.Popen(
        [QIANMO, "--bank", bank, "land", "--date", day.isoformat()],
        cwd=PROJECT,
        env=os.environ | {"QIANMO_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _lines(process: "subprocess.Popen[str]", day: date) -> Iterator[float]:
    """Seconds since the first call at which the process said that a table is done."""
    started = time.monotonic()
    assert process.stderr
    for line in process.stderr:
        if f" {day}: " in line:
            yield time.monotonic() - started


def run_through(home: Path, bank: Path, day: date) -> list[float]:
    """Land to the end; seconds at which each table was done."""
    process = _start(home, bank, day)
    marks = list(_lines(process, day))
    if process.wait():
        fail(f"`qianmo land` of {day} ended {process.returncode}")
    return marks


def run_and_kill(home: Path, bank: Path, day: date, marks: list[float], moment: float) -> bool:
    """SIGKILL at a moment of the undisturbed run, which had `marks`; True if the process was still alive.

    The clock is the run's own: the moment is so many tables done, and a share of the next one at the speed so far. So
    a machine that is busy with something else does not move it.
    """
    done = sum(1 for mark in marks if mark <= moment)
    process = _start(home, bank, day)
    reached, speed = 0.0, 1.0
    if done:
        for number, seconds in enumerate(_lines(process, day), start=1):
            if number == done:
                reached, speed = marks[done - 1], seconds / marks[done - 1]
                break
    time.sleep((moment - reached) * speed)
    is_alive = process.poll() is None
    if is_alive:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def state(home: Path) -> dict[str, Any]:
    """Everything below the bank's home but its inbox: Parquet files by their rows, the ledger without times."""
    os.environ["QIANMO_HOME"] = str(home)
    bank = BankHome.of(BANK)
    found: dict[str, Any] = {}
    for path in sorted(bank.root.rglob("*")):
        name = path.relative_to(bank.root)
        if path.is_dir() or name.parts[0] == "inbox" or name.name.startswith("ledger.sqlite"):
            continue
        if path.suffix != ".parquet":
            found[str(name)] = path.stat().st_size
        elif is_encrypted(path):
            with open_encrypted(path) as file:
                found[str(name)] = file.read().combine_chunks()
        else:
            found[str(name)] = pq.read_table(path).combine_chunks()
    for table in metadata.sorted_tables:
        found[f"ledger: {table.name}"] = [
            {column: value for column, value in row.items() if not column.endswith(("_at", "_used"))}
            for row in rows(bank, table)
        ]
    return found


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Names of files and ledger tables that are not the same."""
    return sorted(name for name in expected | found if expected.get(name) != found.get(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="how many kills of a living process")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with empty_home() as home:
        days = ("--from", f"{FIRST}", "--to", f"{SECOND}")
        must(qianmo(home, "sample", "generate", "--scale", "0.001", *days))
        bank = home / "bank"
        write_bank(bank)
        todo = phases(home / "sample" / "inbox")
        expected: dict[str, dict[str, Any]] = {}
        marks: dict[str, list[float]] = {}
        undisturbed = new_home(home, home / "undisturbed")
        for name, (day, prepare) in todo.items():
            prepare(undisturbed / BANK / "inbox")
            marks[name] = run_through(undisturbed, bank, day)
            expected[name] = state(undisturbed)
            print(f"undisturbed, {name}: {len(marks[name])} tables in {marks[name][-1]:.1f} s", flush=True)
        killed, ended, rounds, compared = 0, 0, 0, 0
        while killed < arguments.kills:
            rounds += 1
            place = new_home(home, home / f"disturbed-{rounds}")
            for name, (day, prepare) in todo.items():
                prepare(place / BANK / "inbox")
                for _ in range(min(chance.randint(2, 5), arguments.kills - killed)):
                    # before half of the first table's time Python is starting
                    moment = chance.uniform(marks[name][0] / 2, marks[name][-1])
                    if not run_and_kill(place, bank, day, marks[name], moment):
                        ended += 1
                        break
                    killed += 1
                run_through(place, bank, day)
                if wrong := differences(expected[name], state(place)):
                    fail(f"round {rounds}, {name}, after {killed} kills: {', '.join(wrong)} differ")
                compared += len(expected[name])
            print(f"round {rounds}: {killed} kills, {ended} runs ended before theirs; all equal", flush=True)
            shutil.rmtree(place)
        batches = expected["first date as before"]["ledger: landing_batch"]
        print(
            f"{killed} kills (seed {arguments.seed}, {rounds} rounds of {len(todo)} phases, {ended} runs ended before"
            f" their kill): {compared} files and ledger tables compared, all equal to the undisturbed home's"
            f" ({sum(row['rows_landed'] for row in batches):,} rows landed in {len(batches)} batches)"
        )


if __name__ == "__main__":
    main()
