"""`qianmo demo`: the sample county through the real DAGs, for consecutive business dates, and into Superset.

Airflow is started on this machine, the landing DAGs are run for each date, and everything after them follows by
assets. The dates are triggered by partition key and not by `airflow backfill`: after a backfill the scheduler
at once adds the run of yesterday, for which the sample county has no files.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qianmo import orchestrator
from qianmo.errors import DataRefusedError, ToolBrokenError
from qianmo.processes import require_running, terminated_as_interrupt

if TYPE_CHECKING:
    from ingestion.bank import Bank

FIRST_DATE = date(2026, 9, 28)
LAST_DATE = date(2026, 9, 30)
SEED = 20211231
SCALE = 0.005
POLL_SECONDS = 2
LOG_LINES = 15
REFUSED = "AirflowFailException"
"""How a task of dags/ fails when the data are refused; anything else is a broken tool."""
QUIET_SECONDS = 600
"""Nothing runs for so long though dates are missing: something hangs."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class County:
    """What the demo generates and runs."""

    scale: float
    dates: Sequence[date]
    seed: int = SEED

    @classmethod
    def of_environment(cls) -> "County":
        """The demo's county; QIANMO_DEMO_SCALE makes it larger or smaller."""
        days = (LAST_DATE - FIRST_DATE).days + 1
        return cls(float(os.environ.get("QIANMO_DEMO_SCALE", SCALE)), [FIRST_DATE + timedelta(n) for n in range(days)])


def demo(bank_folder: Path, progress: Progress) -> None:
    """Generate, run the DAGs, load Superset, print what came of it and where to look."""
    from ingestion.bank import load_bank
    from qianmo.serve import SUPERSET_PORT, logins
    from qianmo.status import show, status

    started = time.monotonic()
    county = County.of_environment()
    with terminated_as_interrupt():
        prepare(county, progress)
        bank = load_bank(bank_folder)
        if _is_done(bank, county):
            progress("every date is already delivered from the same files and code: Airflow has nothing to run")
        else:
            run_dags(bank_folder, county.dates, progress)
            _mark_done(bank, county)
        from serving.superset.load import load, password

        load(bank, progress, bank.home.dbt_manifest)
    show(status(bank))
    minutes = (time.monotonic() - started) / 60
    print(f"done in {minutes:.1f} minutes; data in {bank.home.root}")
    print("paths 路径: qianmo where marts | data-docs | delivery;  facts 明细: qianmo status --json")
    print(f"look 查看: make serve, then http://127.0.0.1:{SUPERSET_PORT}  (password {password()})")
    for role, login in logins(bank).items():
        print(f"          {role}: {login}")


def prepare(county: County, progress: Progress) -> None:
    """Keys and source files; the same again does nothing."""
    from qianmo.settings import create_keys
    from sample_county.cli import app as sample

    create_keys()
    progress(f"generating the sample county at scale {county.scale}")
    dates = ["--from", county.dates[0].isoformat(), "--to", county.dates[-1].isoformat()]
    sample(["generate", "--scale", str(county.scale), "--seed", str(county.seed), *dates], standalone_mode=False)


def _is_done(bank: "Bank", county: County) -> bool:
    """Whether an earlier demo ran this very county to its end and neither batches nor code changed since."""
    from qianmo.build import is_built

    mark = _done_mark(bank)
    return mark.exists() and mark.read_text() == repr(county) and all(is_built(bank, day) for day in county.dates)


def _mark_done(bank: "Bank", county: County) -> None:
    _done_mark(bank).write_text(repr(county))


def _done_mark(bank: "Bank") -> Path:
    return bank.home.root / "demo_done"


def run_dags(bank_folder: Path, dates: Sequence[date], progress: Progress) -> None:
    """Run the landing DAGs for the dates and wait until each date is built, published and delivered.

    Raises:
        DataRefusedError, ToolBrokenError: a task failed; the message holds the end of its log.
    """
    from ingestion.bank import load_bank
    from sample_county.returns import return_lists

    bank = load_bank(bank_folder)
    progress("starting Airflow")
    with _clean_ending(), orchestrator.running(bank_folder) as airflow:
        progress(f"Airflow is up on {airflow.address}")
        landing = [f"land_{source}" for source in bank.sources]
        _ready(airflow, [*landing, "build_and_publish", "deliver_lists", "approve_lists"])
        before = {run["dag_run_id"] for run in _runs(airflow)}

        def land(day: date) -> None:
            for dag in landing:
                airflow.call("POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "partition_key": day.isoformat()})

        def land_last() -> None:
            """What came back of the first date's lists lies among the last date's files."""
            answers = return_lists(bank, dates[0], dates[-1])
            progress(f"{dates[-1]}: {len(answers)} rows of the lists of {dates[0]} come back filled in")
            land(dates[-1])

        for day in dates[:-1] or dates:
            land(day)
        _watch(airflow, dates, before, progress, land_last if len(dates) > 1 else None)


@contextmanager
def _clean_ending() -> Iterator[None]:
    """After a demo that was killed, Airflow's own history is dropped: it holds runs that nobody ends any more.

    What was landed, built, published and delivered is in the bank's ledger, so the runs are simply made again.
    """
    home = orchestrator.airflow_home()
    mark = home / "demo_running"
    if mark.exists():
        for file in home.glob("airflow.db*"):
            file.unlink()
    home.mkdir(parents=True, exist_ok=True)
    mark.touch()
    yield
    mark.unlink()


def _ready(airflow: orchestrator.Airflow, dags: Sequence[str]) -> None:
    """Wait until the DAGs are parsed, then make the pool and switch them on."""
    deadline = time.monotonic() + orchestrator.START_SECONDS
    while missing := set(dags) - {dag["dag_id"] for dag in airflow.get("/dags?limit=1000")["dags"]}:
        require_running(airflow.processes)
        faults = airflow.get("/importErrors")["import_errors"]
        if faults:
            raise ToolBrokenError(f"{faults[0]['filename']} does not import:\n{faults[0]['stack_trace']}")
        if time.monotonic() > deadline:
            raise ToolBrokenError(f"Airflow did not find the DAGs {', '.join(sorted(missing))}")
        time.sleep(1)
    pools = {pool["name"] for pool in airflow.get("/pools")["pools"]}
    if orchestrator.WAREHOUSE_POOL not in pools:
        pool = {"name": orchestrator.WAREHOUSE_POOL, "slots": 1, "description": "one writer of the DuckDB file"}
        airflow.call("POST", "/pools", pool)
    for dag in dags:
        airflow.call("PATCH", f"/dags/{dag}", {"is_paused": False})


def _runs(airflow: orchestrator.Airflow) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.get("/dags/~/dagRuns?limit=1000&order_by=-id")["dag_runs"]
    return found


def _watch(
    airflow: orchestrator.Airflow,
    dates: Sequence[date],
    before: set[str],
    progress: Progress,
    once_first_is_delivered: Callable[[], None] | None,
) -> None:
    wanted = {day.isoformat() for day in dates}
    seen: dict[tuple[str, str, str], str] = {}
    changed = time.monotonic()
    broken = False
    while True:
        require_running(airflow.processes)
        runs = [run for run in _runs(airflow) if run["dag_run_id"] not in before and run["partition_key"] in wanted]
        keys = {run["dag_run_id"]: run["partition_key"] for run in runs}
        for task in _tasks(airflow, keys):
            name = (keys[task["dag_run_id"]], task["dag_id"], task["task_id"])
            state = task["state"] or "waiting"
            if seen.get(name) == state or state in ("waiting", "scheduled", "queued"):
                continue
            seen[name] = state
            changed = time.monotonic()
            took = f" in {task['duration']:.0f} s" if state == "success" and task["duration"] else ""
            progress(f"{name[0]}  {name[1]}.{name[2]}: {state}{took}")
            if state in ("failed", "up_for_retry"):
                log = _task_log(task)
                progress(log)
                broken |= state == "failed" and REFUSED not in log
        if "running" in seen.values():  # a long step is bounded by its own time limit
            changed = time.monotonic()
        failed = [name for name, state in seen.items() if state == "failed"]
        active = [run for run in runs if run["state"] in ("queued", "running")]
        # A refused source stops its date only: what else can run is awaited before the demo fails.
        if failed and not active:
            names = ", ".join(f"{dag}.{task} for {day}" for day, dag, task in failed)
            message = f"failed: {names}; the reason is above and in the logs in {_log_folder()}"
            raise ToolBrokenError(message) if broken else DataRefusedError(message)
        delivered = {
            run["partition_key"] for run in runs if run["dag_id"] == "deliver_lists" and run["state"] == "success"
        }
        if once_first_is_delivered and dates[0].isoformat() in delivered:
            once_first_is_delivered()
            once_first_is_delivered = None
            changed = time.monotonic()
        if delivered == wanted:
            return
        if time.monotonic() - changed > QUIET_SECONDS:
            states = ", ".join(f"{run['dag_id']} {run['partition_key']} {run['state']}" for run in active) or "no run"
            raise ToolBrokenError(f"nothing happened for {QUIET_SECONDS} s ({states}); see {_log_folder()}")
        time.sleep(POLL_SECONDS)


def _tasks(airflow: orchestrator.Airflow, runs: dict[str, str]) -> list[dict[str, Any]]:
    found = airflow.get("/dags/~/dagRuns/~/taskInstances?limit=1000&order_by=start_date")["task_instances"]
    return [task for task in found if task["dag_run_id"] in runs]


def _task_log(task: dict[str, Any]) -> str:
    """The end of a task's log as a person reads it: what it printed, then each error with where it came from."""
    folder = _log_folder() / f"dag_id={task['dag_id']}" / f"run_id={task['dag_run_id']}" / f"task_id={task['task_id']}"
    logs = sorted(folder.glob("attempt=*.log"))
    if not logs:
        return f"no log in {folder}"
    lines: list[str] = []
    for text in logs[-1].read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(text)
        except ValueError:
            lines.append(text)
            continue
        if entry.get("logger") == "task.stdout":
            lines.append(entry["event"])
        for error in entry.get("error_detail") or []:
            place = error["frames"][-1] if error["frames"] else {"filename": "?", "lineno": 0}
            lines.append(f"{error['exc_type']}: {error['exc_value']} ({place['filename']}:{place['lineno']})")
    return "\n".join([*lines[-LOG_LINES:], f"whole log: {logs[-1]}"])


def _log_folder() -> Path:
    return orchestrator.airflow_home() / "logs"
