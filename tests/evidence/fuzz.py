"""Land thousands of damaged files: no traceback, no row lost or doubled, nothing of a refused batch left behind.

Every file is a real unload of the sample county after a seeded mutation (tests/ingestion/mutator.py) and is examined
as tests/ingestion/fuzzing.py says. Most are landed by worker processes; a share goes through the `qianmo land` command
itself. A crash, a hang or more than 2 GiB of memory is a failure too. `--only NUMBER` repeats one and shows everything.
"""

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from ingestion.bank import load_bank
from tests.evidence import PROJECT, QIANMO, empty_home, fail, must, qianmo
from tests.ingestion import fuzzing
from tests.ingestion.fuzzing import Clean, Examined, FuzzError
from tests.ingestion.mutator import Delivery

HANG_SECONDS = 60.0
MEMORY_BYTES = 2 << 30
LARGE_SHARE = 0.04
_ADDRESS_BYTES = 12 << 30
"""A worker that asks for more address space gets an error instead of taking the machine with it."""
_DRAWN = "drawn"


@dataclass(frozen=True)
class Outcome:
    """What one number came to; `failure` is empty when everything held."""

    number: int
    kind: str
    steps: tuple[str, ...]
    seconds: float
    examined: Examined | None
    failure: str = ""


class Fuzzer:
    """Lands and examines mutations in a QIANMO_HOME of its own."""

    def __init__(self, inbox: Path, place: Path, seed: int, large_share: float = LARGE_SHARE) -> None:
        """`inbox` is a generated sample county's; `place` is the QIANMO_HOME."""
        self._place = place
        self._seed = seed
        self._large_share = large_share
        self._deliveries = fuzzing.deliveries(inbox)
        self._clean: dict[str, Clean] = {}

    def _prepared(self, delivery: Delivery) -> tuple[Path, Clean]:
        """The bank of a kind of delivery, and its landing undamaged."""
        folder = self._place / "banks" / delivery.kind
        if delivery.kind not in self._clean:
            fuzzing.write_bank(folder, delivery)
            keep = self._place / "clean" / f"{delivery.kind}.parquet"
            undamaged = next(d for d in self._deliveries if d.kind == delivery.kind)
            self._clean[delivery.kind] = fuzzing.land_clean(folder, undamaged, keep)
        return folder, self._clean[delivery.kind]

    def run(self, number: int, by_command: bool = False) -> Outcome:
        """Draw, land and examine one mutation."""
        mutation = fuzzing.draw(self._deliveries, self._seed, number, self._large_share)
        delivery = mutation.delivery
        folder, clean = self._prepared(delivery)
        started = time.monotonic()
        (self._place / _DRAWN).write_text(f"{delivery.kind}, {mutation.steps}")
        bank = load_bank(folder)
        fuzzing.deliver(bank, delivery)
        examined, failure = None, ""
        memory = _most_memory()
        try:
            exit_code = self._command(bank.folder, f"{delivery.business_date}", clean) if by_command else None
            if not by_command:
                with fuzzing.blocks(mutation, self._seed, number):
                    fuzzing.land_damaged(bank, delivery, clean)
            examined = fuzzing.examine(bank, mutation, clean)
            if exit_code is not None and exit_code != (1 if examined.status == "refused" else 0):
                failure = f"{examined.status}, but the command ended with {exit_code}"
        except FuzzError as error:
            failure = str(error)
        except Exception:
            failure = traceback.format_exc()
        used = _most_memory()
        if used > MEMORY_BYTES and used > memory:
            failure += f" {used >> 20} MiB of memory"
        return Outcome(number, delivery.kind, mutation.steps, time.monotonic() - started, examined, failure.strip())

    def _command(self, bank: Path, day: str, clean: Clean) -> int:
        done = subprocess.run(
            [QIANMO, "--bank", bank, "land", "--date", day],
            cwd=PROJECT,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
        )
        if "Traceback" in done.stderr or done.returncode not in (0, 1):
            raise FuzzError(f"`qianmo land` ended with {done.returncode}: {done.stderr[-3000:]}")
        fuzzing.no_raw_values(done.stdout + done.stderr, clean)
        return done.returncode


def _most_memory() -> int:
    """The most bytes this process or one of its children had so far."""
    users = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(user).ru_maxrss for user in users) * 1024


def _work(connection: Connection, inbox: Path, place: Path, seed: int) -> None:
    """A worker: numbers come in, outcomes go out."""
    os.environ["QIANMO_HOME"] = str(place)
    # DuckDB takes a spawned process for a notebook and draws progress bars on stdout
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_BYTES, _ADDRESS_BYTES))
    fuzzer = Fuzzer(inbox, place, seed)
    connection.send(None)
    while True:
        connection.send(fuzzer.run(*connection.recv()))


class Worker:
    """A process that lands one mutation at a time; ended and started anew when it hangs or crashes."""

    def __init__(self, inbox: Path, place: Path, seed: int) -> None:
        self._arguments = (inbox, place, seed)
        self.number: int | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, *self._arguments))
        self._process.start()
        other.close()
        self.number = None
        self.deadline = time.monotonic() + HANG_SECONDS

    def give(self, number: int, by_command: bool) -> None:
        self.number = number
        self.deadline = time.monotonic() + HANG_SECONDS
        self.connection.send((number, by_command))

    def drawn(self) -> str:
        """Kind and steps of the mutation it was given last."""
        return (self._arguments[1] / _DRAWN).read_text()

    def restart(self) -> str:
        """End the process and start another; returns what was wrong."""
        self._process.join(timeout=1)
        code = self._process.exitcode
        wrong = f"more than {HANG_SECONDS:.0f} s" if code is None else f"the process ended with {code}"
        self._process.kill()
        self._process.join()
        self._start()
        return wrong

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def outcomes(inbox: Path, places: list[Path], seed: int, numbers: list[int], commands: int) -> Iterator[Outcome]:
    """Outcomes of the numbers as they are done, from one worker process per place."""
    every = max(1, len(numbers) // commands) if commands else 0
    queue = [(number, bool(every) and at % every == 0) for at, number in enumerate(numbers)]
    queue.reverse()
    workers = [Worker(inbox, place, seed) for place in places]
    try:
        yield from _landed_by(workers, queue, inbox, seed)
    finally:
        for worker in workers:
            worker.stop()


def _landed_by(workers: list[Worker], queue: list[tuple[int, bool]], inbox: Path, seed: int) -> Iterator[Outcome]:
    left = len(queue)
    while left:
        ready = wait([worker.connection for worker in workers], timeout=1)
        for worker in workers:
            is_late = time.monotonic() > worker.deadline
            if worker.connection not in ready and not is_late:
                continue
            try:
                if worker.connection not in ready:
                    raise EOFError
                outcome = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                number = worker.number
                wrong = worker.restart()
                if number is None:
                    fail(f"a worker did not start: {wrong}")
                yield Outcome(number, worker.drawn(), (), HANG_SECONDS, None, wrong)
                left -= 1
                continue
            if outcome is not None:
                yield outcome
                left -= 1
            if queue:
                worker.give(*queue.pop())
            else:
                worker.number, worker.deadline = None, float("inf")


@contextmanager
def _county(given: Path | None) -> Iterator[Path]:
    """A home with keys and a generated sample county."""
    with empty_home() as home:
        if given is None:
            days = ("--from", f"{fuzzing.FIRST}", "--to", f"{fuzzing.SECOND}")
            must(qianmo(home, "sample", "generate", "--scale", "0.001", *days))
        yield home


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000, help="how many damaged files")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--commands", type=int, default=60, help="how many of them go through the command")
    parser.add_argument("--only", type=int, nargs="+", help="repeat these numbers")
    parser.add_argument("--inbox", type=Path, help="a generated inbox of 2026-09-28 and 29; made when left out")
    arguments = parser.parse_args()
    numbers = arguments.only or list(range(arguments.files))
    started = time.monotonic()
    statuses, quarantined, counted, lines, failed = Counter[str](), 0, 0, 0, 0
    with _county(arguments.inbox) as home:
        inbox = arguments.inbox or home / "sample" / "inbox"
        places = [home / f"worker-{number}" for number in range(min(arguments.workers, len(numbers)))]
        for place in places:
            place.mkdir()
            (place / "keys.env").symlink_to(home / "keys.env")
        for done, outcome in enumerate(outcomes(inbox, places, arguments.seed, numbers, arguments.commands), 1):
            if arguments.only:
                print(outcome)
            if outcome.failure:
                failed += 1
                print(f"FAILED (seed {arguments.seed}, number {outcome.number}), {outcome.kind}, {outcome.steps}:")
                print(f"  {outcome.failure}", flush=True)
            if found := outcome.examined:
                statuses[found.status] += 1
                quarantined += found.status == "landed" and found.rows_quarantined > 0
                counted += found.is_counted
                lines += found.lines_compared
            if done % 200 == 0:
                print(f"{done:,} files in {time.monotonic() - started:.0f} s, {failed} failures", flush=True)
    if failed:
        fail(f"{failed} of {len(numbers)} files; repeat one with --seed {arguments.seed} --only NUMBER")
    print(
        f"{len(numbers)} damaged files (seed {arguments.seed}, {arguments.commands} by the command) in "
        f"{time.monotonic() - started:.0f} s: {statuses['landed'] - quarantined} landed clean, {quarantined} landed "
        f"with quarantine, {statuses['refused']} refused whole; rows in counted independently for {counted} of "
        f"{statuses['landed']} landed, {lines:,} undamaged lines landed unchanged; failures 0"
    )


if __name__ == "__main__":
    sys.exit(main())
