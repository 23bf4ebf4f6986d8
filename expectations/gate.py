"""Running a gate: validate every subject, write Data Docs and failing rows, record the results, refuse or pass."""

import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig

from expectations.check import Check, CheckResult, Subject, quoted, text
from expectations.data_docs import write_data_docs
from expectations.engine import DuckDBDatasource, in_memory
from expectations.measure import Measure
from qianmo import ledger
from qianmo.errors import DataRefusedError, ToolBrokenError
from qianmo.home import BankHome

FAILED_ROWS_LIMIT = 10_000
"""Rows written per failed check; a whole table at fault need not be copied to be believed."""

# Counts only: never a value of the data in a result, and so never one in Data Docs.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class GateResult:
    """A gate that was run to its end. `part` is the source of gate 1, `marts` at gate 2."""

    gate: Literal["landing", "marts"]
    part: str
    business_date: date
    checks: tuple[CheckResult, ...]
    data_docs: Path | None
    measures: tuple[Measure, ...] = ()

    @property
    def critical_failures(self) -> list[CheckResult]:
        return [check for check in self.checks if not check.success and check.severity == "critical"]

    @property
    def warnings(self) -> list[CheckResult]:
        return [check for check in self.checks if not check.success and check.severity == "warning"]


def run_gate(
    home: BankHome,
    gate: Literal["landing", "marts"],
    part: str,
    business_date: date,
    subjects: list[Subject],
    prepare: list[str],
    measures: Sequence[Measure] = (),
) -> GateResult:
    """Validate the subjects in an in-memory DuckDB after the `prepare` statements; pass or raise.

    Results are in the ledger and Data Docs either way, and the measures in the ledger beside them.

    Raises:
        DataRefusedError: a critical expectation failed; the message says which and where the rows are.
        ToolBrokenError: a check crashed, which says nothing about the data.
    """
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    run = f"landing-{part}" if gate == "landing" else "marts"
    failed_rows = home.root / "failed_rows" / business_date.isoformat() / run
    shutil.rmtree(failed_rows, ignore_errors=True)
    datasource = in_memory(run)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.add_datasource(datasource=datasource)
    try:
        with datasource.get_engine().connect() as connection:
            connection.exec_driver_sql(f"set temp_directory = {text(tempfile.gettempdir())}")
            for statement in prepare:
                connection.exec_driver_sql(statement)
            for subject in subjects:
                connection.exec_driver_sql(f"create view {quoted(subject.view)} as {subject.query}")
            connection.commit()
        # All assets before the first query: adding one opens a connection of its own, and there is but one.
        for subject in subjects:
            datasource.add_table_asset(name=subject.name, table_name=subject.view)
        checks = [
            check
            for subject in subjects
            for check in _validate(context, datasource, subject, business_date, failed_rows)
        ]
    except sa.exc.SQLAlchemyError as error:
        raise ToolBrokenError(
            f"gate {run} of {business_date}: the tables under check cannot be read: {error}"
        ) from error
    finally:
        datasource.get_execution_engine().close()
    docs = write_data_docs(home, context, business_date, run, checks)
    result = GateResult(gate, part, business_date, tuple(checks), docs, tuple(measures))
    _record(home, result)
    _judge(result)
    return result


def _validate(
    context: AbstractDataContext, datasource: DuckDBDatasource, subject: Subject, business_date: date, failed_rows: Path
) -> list[CheckResult]:
    if not subject.checks:
        return []
    batch = datasource.get_asset(subject.name).add_batch_definition_whole_table(subject.name)
    suite = gx.ExpectationSuite(
        name=subject.name,
        expectations=[
            check.expectation.copy(update={"meta": {"code": check.code}}, deep=True) for check in subject.checks
        ],
    )
    context.suites.add(suite)
    definition = gx.ValidationDefinition(name=subject.name, data=batch, suite=suite)
    outcome = context.validation_definitions.add(definition).run(
        result_format=_RESULT_FORMAT, run_id=RunIdentifier(run_name=business_date.isoformat())
    )
    by_code = {
        entry.expectation_config.meta["code"]: entry
        for entry in outcome.results
        if entry.expectation_config is not None
    }
    return [_read(datasource, subject, check, by_code[check.code], failed_rows) for check in subject.checks]


def _read(
    datasource: DuckDBDatasource, subject: Subject, check: Check, entry: ExpectationValidationResult, failed_rows: Path
) -> CheckResult:
    broken = _crash(entry)
    path = None
    if broken is None and not entry.success and check.failing_rows is not None:
        path = failed_rows / f"{subject.name}.{check.code.replace(':', '.')}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with datasource.get_execution_engine().get_connection() as connection:
            connection.exec_driver_sql(
                f"copy (select * from ({check.failing_rows}) limit {FAILED_ROWS_LIMIT})"
                f" to {text(str(path))} (header, delimiter ',')"
            )
    return CheckResult(
        subject.name,
        check.code,
        check.description,
        check.severity,
        bool(entry.success),
        "crashed" if broken else _observed(entry.result),
        path,
        broken,
    )


def _crash(entry: ExpectationValidationResult) -> str | None:
    """The error of a check that could not be computed. Such a check reports itself as failed, too."""
    info = entry.exception_info or {}
    details = [info] if "raised_exception" in info else [value for value in info.values() if isinstance(value, dict)]
    messages = [str(detail["exception_message"]) for detail in details if detail.get("raised_exception")]
    return messages[0] if messages else None


def _observed(result: dict[str, Any]) -> str:
    if "unexpected_count" in result:
        return f"{result['unexpected_count']} of {result['element_count']} rows"
    observed = result.get("observed_value")
    return f"{len(observed)} columns" if isinstance(observed, list) else f"{observed} rows"


def _record(home: BankHome, result: GateResult) -> None:
    """Write the results and measures to the ledger, in place of those of an earlier run on the same subjects."""
    of_run = {"gate": result.gate, "business_date": result.business_date.isoformat()}
    checks = [
        {
            "subject": check.subject,
            "expectation": check.code,
            "severity": check.severity,
            "success": int(check.success),
            "observed": check.observed,
        }
        for check in result.checks
    ]
    measures = [
        {
            "subject": one.table,
            "measure": one.measure,
            "column_name": one.column,
            "code": one.code,
            "value": one.value,
            "lower": one.lower,
            "upper": one.upper,
        }
        for one in result.measures
    ]
    with ledger.transaction(home) as connection:
        for table, found in ((ledger.gate_result, checks), (ledger.gate_measure, measures)):
            subjects = {row["subject"] for row in found}
            connection.execute(table.delete().filter_by(**of_run).where(table.c.subject.in_(subjects)))
            ledger.put(connection, table, *(of_run | row for row in found))


def _judge(result: GateResult) -> None:
    name = f"gate {result.gate} ({result.part}) of {result.business_date}"
    failed = [_told(check) for check in result.critical_failures if not check.broken]
    broken = [f"- {check.subject} {check.code}: {check.broken}" for check in result.checks if check.broken]
    docs = f"Data Docs: {result.data_docs}"
    if broken:
        lines = [f"{name}: {len(broken)} check(s) crashed, which says nothing about the data", *broken]
        if failed:
            lines += [f"besides, {len(failed)} critical expectation(s) failed", *failed]
        raise ToolBrokenError("\n".join([*lines, docs]))
    if failed:
        raise DataRefusedError("\n".join([f"{name}: {len(failed)} critical expectation(s) failed", *failed, docs]))


def _told(check: CheckResult) -> str:
    rows = f"; rows: {check.failed_rows}" if check.failed_rows else ""
    return f"- {check.subject} {check.code}: expected {check.description}; observed {check.observed}{rows}"
