"""Build the warehouse as of a business date, one dbt run per date, in date order.

The ledger says which dates are built and from what (`input_digest` = landed batches up to the date, and code). A
date whose inputs changed is built again, and so is every later one, since balances and tag histories carry
forward. While dates are being built their rows say PENDING, so a killed build is taken up where it stopped.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import duckdb

from ingestion.bank import Bank
from ingestion.key_use import check_one_surrogate_key
from ingestion.land import complete, write_empty_contracts
from ingestion.ledger_export import export_ledger
from qianmo import ledger
from qianmo.definitions import DBT_PROJECT, dbt_variables
from qianmo.errors import DataRefusedError, ToolBrokenError
from qianmo.home import PROJECT_ROOT
from qianmo.processes import end_with_parent

PENDING = "pending"
SLOW_NODE_SECONDS = 1
"""Models that take at least so long are told as they finish."""
PACKAGE = PROJECT_ROOT / "qianmo"
"""What models in Python call."""
_NOT_CODE = {"target", "logs", "dbt_packages", "__pycache__", ".user.yml"}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class BuildResult:
    """What a build did."""

    built: list[date]
    """Dates built now, in order; empty when everything was already built from the same inputs."""
    as_of: date
    """The business date that the warehouse now stands at: the last one built, now or before."""


def build(bank: Bank, business_date: date, progress: Progress = print) -> BuildResult:
    """Bring the warehouse to a business date, and back to the latest built one when that is later.

    Earlier complete dates that were never built, or whose batches changed, are built first.

    Raises:
        DataRefusedError: a due table has not landed, a rotation of the surrogate key is not finished, or a dbt data
            test failed.
        ToolBrokenError: dbt failed for another reason, or another process is writing the warehouse.
    """
    check_one_surrogate_key(bank.home)
    if missing := complete(bank, business_date):
        raise DataRefusedError(
            f"{business_date} is not complete: not landed: {', '.join(missing)}. "
            f"Land them with `qianmo land --date {business_date}`, then build again"
        )
    if refused := _refused_by_gate(bank, business_date):
        raise DataRefusedError(
            f"{business_date} did not pass gate 1: {', '.join(refused)}. "
            f"Have the files mended, land them and run `qianmo check --date {business_date}`, then build again"
        )
    recorded = _recorded(bank)
    if not _usable(bank, progress):
        recorded = dict.fromkeys(recorded, PENDING)
    plan = _plan(bank, business_date, recorded)
    if plan:
        write_empty_contracts(bank)
        export_ledger(bank)
        with ledger.transaction(bank.home) as transaction:
            for day in plan:
                row = {"business_date": day.isoformat(), "input_digest": PENDING}
                ledger.put(transaction, ledger.build, row)
    for number, day in enumerate(plan, start=1):
        digest = input_digest(bank, day)
        progress(f"{day}: building ({number} of {len(plan)})")
        _run_dbt(bank, day, progress)
        with ledger.transaction(bank.home) as transaction:
            ledger.put(transaction, ledger.build, {"business_date": day.isoformat(), "input_digest": digest})
    if not plan:
        progress(f"{business_date}: already built from the same batches and code")
    return BuildResult(plan, max(_recorded(bank)))


def built_dates(bank: Bank) -> list[date]:
    """Dates whose build is finished, in order."""
    return sorted(day for day, digest in _recorded(bank).items() if digest != PENDING)


def is_built(bank: Bank, business_date: date) -> bool:
    """Whether the date is built from the batches and the code as they are now."""
    return _recorded(bank).get(business_date) == input_digest(bank, business_date)


def input_digest(bank: Bank, business_date: date) -> str:
    """`<batches>.<code>`: what a build of the date reads, 16 hexadecimal digits each."""
    return f"{_batches_digest(bank, business_date)}.{_code_digest(bank)}"


def _recorded(bank: Bank) -> dict[date, str]:
    return {
        date.fromisoformat(row["business_date"]): row["input_digest"] for row in ledger.rows(bank.home, ledger.build)
    }


def _refused_by_gate(bank: Bank, business_date: date) -> list[str]:
    """Critical expectations on the date's landed batches that failed."""
    results = ledger.rows(
        bank.home, ledger.gate_result, gate="landing", business_date=business_date.isoformat(), severity="critical"
    )
    return [f"{row['subject']} {row['expectation']}" for row in results if not row["success"]]


def _ready(bank: Bank, business_date: date) -> bool:
    return not complete(bank, business_date) and not _refused_by_gate(bank, business_date)


def _plan(bank: Bank, business_date: date, recorded: dict[date, str]) -> list[date]:
    """Dates to build, in order: from the first that is not up to date to the latest that was ever built."""
    landed = {date.fromisoformat(row["business_date"]) for row in ledger.rows(bank.home, ledger.landing_batch)}
    earlier = {day for day in landed if day < business_date and (day in recorded or _ready(bank, day))}
    later = {day for day in recorded if day > business_date}
    code = _code_digest(bank)
    days = sorted(earlier | {business_date} | later)
    for position, day in enumerate(days):
        batches, _, built_by = recorded.get(day, PENDING).partition(".")
        # New code holds from the date asked for; history is not rewritten because a definition changed.
        if batches != _batches_digest(bank, day) or (day == business_date and built_by != code):
            return days[position:]
    return []


def _batches_digest(bank: Bank, business_date: date) -> str:
    batches = [
        (row["source"], row["table_name"], row["business_date"], row["batch_id"], row["contract_version"])
        for row in ledger.rows(bank.home, ledger.landing_batch, status="landed")
        if row["business_date"] <= business_date.isoformat()
    ]
    return sha256(json.dumps(batches).encode()).hexdigest()[:16]


def _code_digest(bank: Bank) -> str:
    digest = sha256(f"{bank.legal_entity_code} {bank.legal_entity_name} {bank.timezone}".encode())
    for folder in (DBT_PROJECT, PACKAGE):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not _NOT_CODE.intersection(path.relative_to(folder).parts):
                digest.update(f"{path.relative_to(folder)} ".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _usable(bank: Bank, progress: Progress) -> bool:
    """Whether the warehouse file is there and opens; a damaged one is set aside so that it is built anew.

    Opening it also takes up the write-ahead log that a killed dbt run left.
    """
    warehouse = bank.home.warehouse
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    if not warehouse.exists():
        warehouse.with_name(f"{warehouse.name}.wal").unlink(missing_ok=True)
        return False
    try:
        duckdb.connect(str(warehouse)).close()
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise ToolBrokenError(f"another process is writing {warehouse}: {error}") from None
        for path in (warehouse, warehouse.with_name(f"{warehouse.name}.wal")):
            if path.exists():
                path.replace(path.with_name(f"{path.name}.damaged"))
        progress(f"{warehouse} does not open ({error}); set aside, building it anew from landing")
        return False
    return True


def _run_dbt(bank: Bank, business_date: date, progress: Progress) -> None:
    folder = bank.home.dbt
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    variables = folder / "variables.json"
    variables.write_text(
        json.dumps(
            {
                "business_date": business_date.isoformat(),
                "landing_root": str(bank.home.landing),
                "legal_entity_code": bank.legal_entity_code,
                "legal_entity_name": bank.legal_entity_name,
                "timezone": bank.timezone,
                **dbt_variables(),
            },
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )
    log = folder / "logs" / f"build-{business_date}.log"
    counts: Counter[str] = Counter()
    arguments = [
        sys.executable, "-m", "qianmo.dbt_process", str(variables), "build",
        "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
        # Rules are tested where they are changed (make test), not on every date.
        "--exclude-resource-type", "unit_test",
        "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"),
    ]  # fmt: skip
    environment = os.environ | {
        "QIANMO_WAREHOUSE": str(bank.home.warehouse),
        "PYTHONPATH": str(PROJECT_ROOT),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            arguments,
            env=environment,
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            preexec_fn=end_with_parent,  # noqa: PLW1509 (a killed build leaves no dbt behind that holds the file)
        ) as dbt,
    ):
        assert dbt.stdout is not None  # noqa: S101 (asked for above)
        try:
            for line in dbt.stdout:
                output.write(line)
                output.flush()
                if line.startswith("node "):
                    _, status, seconds, kind, name = line.split(maxsplit=4)
                    counts[kind] += 1
                    if kind == "model" and status == "success" and float(seconds) >= SLOW_NODE_SECONDS:
                        progress(f"{business_date}: {name.strip()} in {seconds} s")
                    elif status in ("error", "fail", "warn"):
                        progress(f"{business_date}: {kind} {name.strip()}: {status}")
        except BaseException:
            dbt.kill()
            raise
        code = dbt.wait()
    if code:
        raise _failure(business_date, folder / "target", log, code)
    progress(f"{business_date}: built {counts['model']} models, {counts['test']} data tests passed")


def _failure(business_date: date, target: Path, log: Path, code: int) -> DataRefusedError | ToolBrokenError:
    """Tell a data test that found rows from a broken model, test or tool."""
    results = target / "run_results.json"
    failed: list[dict[str, str]] = []
    if code == 1 and results.exists():
        failed = [
            result
            for result in json.loads(results.read_text(encoding="utf-8"))["results"]
            if result["status"] in ("error", "fail")
        ]
    if not failed:
        last = log.read_text(encoding="utf-8").strip()[-1500:]
        return ToolBrokenError(f"dbt could not build {business_date}; see {log}:\n{last}")
    names = "; ".join(
        f"{result['unique_id'].split('.', 2)[-1]}: {' '.join((result['message'] or '').split())[:300]}"
        for result in failed
    )
    only_data = all(result["status"] == "fail" and result["unique_id"].startswith("test.") for result in failed)
    if only_data:
        return DataRefusedError(f"data tests refused {business_date}: {names}; see {log}")
    return ToolBrokenError(f"dbt failed on {business_date}: {names}; see {log}")
