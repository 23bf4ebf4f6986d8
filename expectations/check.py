"""One check of a gate: a Great Expectations expectation, how grave it is, and where its failing rows are."""

from dataclasses import dataclass, field
from typing import Literal

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

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


def columns_match(columns: list[str], severity: Severity) -> Check:
    """The table has exactly these columns, in this order."""
    description = "字段与契约一致"
    expectation = gxe.ExpectTableColumnsToMatchOrderedList(
        column_list=list(columns), severity=severity, description=description
    )
    return Check("columns", description, severity, expectation)


def required(view: str, column: str, label: str, keys: list[str], severity: Severity) -> Check:
    """The column is never null."""
    description = f"{label} {column} 必填"
    return Check(
        f"required:{column}",
        description,
        severity,
        gxe.ExpectColumnValuesToNotBeNull(column=column, severity=severity, description=description),
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
        gxe.ExpectColumnValuesToBeInSet(
            column=column, value_set=list(values), severity=severity, description=description
        ),
        f"select {_listed(keys)} from {view} where {quoted(column)} not in ({allowed})",
    )


def unique(view: str, key: list[str], also_shown: list[str], severity: Severity) -> Check:
    """No two rows share the key; null counts as a value, so a key column that may be null is no way around it."""
    description = f"主键 {'+'.join(key)} 唯一"
    rows = (
        f"select {_listed([*key, *also_shown])} from {{table}} qualify count(*) over (partition by {_listed(key)}) > 1"
    )
    return no_rows("key_unique", description, severity, rows, view)


def row_count(minimum: int, severity: Severity, description: str) -> Check:
    """The table holds at least so many rows."""
    return Check(
        "row_count",
        description,
        severity,
        gxe.ExpectTableRowCountToBeBetween(min_value=minimum, severity=severity, description=description),
    )


def no_rows(code: str, description: str, severity: Severity, rows: str, view: str) -> Check:
    """The query finds nothing. It names the checked table `{table}` and selects the keys of the rows at fault.

    Within the query that table goes by the alias `subselect`, which Great Expectations gives it.
    """
    # Great Expectations substitutes the batch with str.format, so literal braces are doubled for it.
    escaped = rows.replace("{table}", "\0").replace("{", "{{").replace("}", "}}").replace("\0", "{batch}")
    return Check(
        code,
        description,
        severity,
        gxe.UnexpectedRowsExpectation(unexpected_rows_query=escaped, severity=severity, description=description),
        rows.replace("{table}", f"{view} as subselect"),
    )


def text(value: str) -> str:
    """A SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def _listed(columns: list[str]) -> str:
    return ", ".join(quoted(column) for column in dict.fromkeys(columns))
