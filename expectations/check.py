"""One check of a gate: a Great Expectations expectation, how grave it is, and where its failing rows are."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull
from great_expectations.expectations.core.expect_table_columns_to_match_ordered_list import (
    ExpectTableColumnsToMatchOrderedList,
)
from great_expectations.expectations.core.expect_table_row_count_to_be_between import ExpectTableRowCountToBeBetween
from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Check:
    """A named expectation on one subject.

    `code` is stable and unique within the subject; it is the key in the ledger. `failing_rows` is a query on the
    gate's views that gives the keys of the rows at fault; it never selects a raw identifier.
    """

    code: str
    description: str
    severity: Severity
    expectation: Expectation = field(repr=False)
    failing_rows: str | None = None


@dataclass(frozen=True)
class Subject:
    """One table under check. `query` is the select that defines its view; `name` is what the ledger shows."""

    name: str
    view: str
    query: str
    checks: list[Check]


@dataclass(frozen=True)
class CheckResult:
    """What one check saw. `failed_rows` is a CSV of the keys at fault; `broken` is the error of a crashed check."""

    subject: str
    code: str
    description: str
    severity: Severity
    success: bool
    observed: str
    failed_rows: Path | None = None
    broken: str | None = None


def columns_match(columns: list[str], severity: Severity) -> Check:
    """The table has exactly these columns, in this order."""
    description = "字段与契约一致"
    expectation = ExpectTableColumnsToMatchOrderedList(
        column_list=list(columns), severity=FailureSeverity(severity), description=description
    )
    return Check("columns", description, severity, expectation)


def required(view: str, column: str, label: str, keys: list[str], severity: Severity) -> Check:
    """The column is never null."""
    description = f"{label} {column} 必填"
    return Check(
        f"required:{column}",
        description,
        severity,
        ExpectColumnValuesToNotBeNull(column=column, severity=FailureSeverity(severity), description=description),
        f"select {_listed(keys)} from {view} where {quoted(column)} is null",
    )


def accepted(view: str, column: str, label: str, values: list[str], keys: list[str], severity: Severity) -> Check:
    """The column, where not null, holds one of these values."""
    description = f"{label} {column} 取值在 {'、'.join(values)} 之内"
    allowed = ", ".join(text(value) for value in values)
    return Check(
        f"accepted:{column}",
        description,
        severity,
        ExpectColumnValuesToBeInSet(
            column=column, value_set=list(values), severity=FailureSeverity(severity), description=description
        ),
        f"select {_listed(keys)} from {view} where {quoted(column)} not in ({allowed})",
    )


def unique(view: str, key: list[str], also_shown: list[str], severity: Severity) -> Check:
    """No two rows share the key; null counts as a value, so a key column that may be null is no way around it."""
    description = f"主键 {'+'.join(key)} 唯一"
    repeated = f"select {_listed(key)} from checked group by {_listed(key)} having count(*) > 1"
    check = no_rows("key_unique", description, severity, repeated, view)
    # The window costs far more than the grouping, so it is left to the case that there is something to show.
    rows = f"select {_listed([*key, *also_shown])} from {view} qualify count(*) over (partition by {_listed(key)}) > 1"
    return replace(check, failing_rows=rows)


def row_count(minimum: int, severity: Severity, description: str) -> Check:
    """The table holds at least so many rows."""
    return Check(
        "row_count",
        description,
        severity,
        ExpectTableRowCountToBeBetween(min_value=minimum, severity=FailureSeverity(severity), description=description),
    )


def no_rows(code: str, description: str, severity: Severity, rows: str, view: str) -> Check:
    """The query finds nothing. It reads the table under check as `checked` and selects keys of rows at fault."""
    # Great Expectations substitutes the batch with str.format, so literal braces are doubled for it. A common table
    # expression gives the batch its name, because a query with a join gets the batch without one.
    escaped = rows.replace("{", "{{").replace("}", "}}")
    return Check(
        code,
        description,
        severity,
        UnexpectedRowsExpectation(
            unexpected_rows_query=f"with checked as (select * from {{batch}}) {escaped}",
            severity=FailureSeverity(severity),
            description=description,
        ),
        f"with checked as (select * from {view}) {rows}",
    )


def text(value: str) -> str:
    """A SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def _listed(columns: list[str]) -> str:
    return ", ".join(quoted(column) for column in dict.fromkeys(columns))
