"""Gate 1: what a source landed for a business date, checked against its contracts before anything is built on it."""

from datetime import date
from typing import Any

import duckdb

from expectations.check import (
    Check,
    Subject,
    accepted,
    columns_match,
    no_rows,
    quoted,
    required,
    row_count,
    text,
    unique,
)
from expectations.gate import GateResult, run_gate
from expectations.measure import Measure, is_outside, landed_file, live_rows, measure, missing_references
from expectations.raw_identifier import matches_raw_identifier
from expectations.severity import severity_table
from ingestion.bank import Bank
from ingestion.contract import TECHNICAL_COLUMNS, Contract, contracts
from ingestion.land import complete
from qianmo import ledger
from qianmo.errors import ToolBrokenError
from qianmo.home import BankHome

_SHOWN = ["batch_id", "source_row"]
"""Beside the key, what leads from a row back to the line of the file it came from."""

_MEASURED = {
    "late": "文件在约定时间前到达",
    "event_age": "最新一笔业务的日期不早于契约所许",
    "repeated_keys": "没有与以往批次重复的流水",
    "volume": "行数在近期正常范围内",
    "null_share": "可空字段的空值率在近期正常范围内",
    "code_share": "各代码的占比在近期正常范围内",
    "invalid_share": "身份证号校验不通过的占比在近期正常范围内",
}
"""Measures that are checks of their own; the others go with a check that names the rows."""


def check_landing(bank: Bank, source: str, business_date: date) -> GateResult:
    """Check every table of a source that was landed for the date; with none landed and none due there is nothing.

    Raises:
        ConfigurationError: a contract names a kind of check that there is not.
        DataRefusedError: a critical expectation failed.
        ToolBrokenError: a check crashed, or a landed file cannot be read.
    """
    home = bank.home
    day = business_date.isoformat()
    history = ledger.rows(home, ledger.landing_batch, source=source, status="landed")
    batches = [batch for batch in history if batch["business_date"] == day]
    missing = [name for name in complete(bank, business_date) if name.startswith(f"{source}.")]
    if not batches and not missing:
        return GateResult("landing", source, business_date, (), None)
    try:
        measures = measure(bank, business_date, batches)
    except duckdb.Error as error:
        raise ToolBrokenError(
            f"gate landing-{source} of {business_date}: the tables under check cannot be read: {error}"
        ) from error
    subjects = [_batches_subject(home, source, business_date, batches, missing)]
    for batch in batches:
        contract = contracts()[f"{source}.{batch['table_name']}"]
        first = not any(
            earlier["table_name"] == batch["table_name"] and earlier["business_date"] < day for earlier in history
        )
        subjects.append(_table_subject(home, contract, business_date, first))
    prepare = [_measures_view(source, measures)]
    return run_gate(home, "landing", source, business_date, subjects, prepare, measures)


def _table_subject(home: BankHome, contract: Contract, business_date: date, first: bool) -> Subject:
    view = f"{contract.source}__{contract.table}"
    return Subject(
        contract.name,
        view,
        live_rows(contract, landed_file(home, contract, business_date.isoformat())),
        [
            *_contract_checks(contract, view),
            *_volume_checks(contract, first),
            *_date_checks(contract, view, business_date),
            *_reference_checks(home, contract, view, business_date),
            *_identifier_checks(contract, view),
        ],
    )


def _contract_checks(contract: Contract, view: str) -> list[Check]:
    worth = severity_table()
    keys = [*contract.landed_key(), *_SHOWN]
    checks = [
        columns_match(list(contract.landed_columns()), worth.of("columns", contract)),
        unique(view, contract.landed_key(), _SHOWN, worth.of("key_unique", contract)),
    ]
    for column in contract.columns:
        if column.required:
            landed = f"{column.name}_key" if column.vault else column.name
            checks.append(required(view, landed, column.label, keys, worth.of("required", contract)))
        if column.accepted:
            severity = worth.of("accepted", contract)
            checks.append(accepted(view, column.name, column.label, column.accepted, keys, severity))
    return checks


def _volume_checks(contract: Contract, first: bool) -> list[Check]:
    worth = severity_table()
    if contract.load == "snapshot":
        return [row_count(1, worth.of("full_load_rows", contract), "全量快照不为空")]
    if first:
        return [row_count(1, worth.of("first_load_rows", contract), "首次全量不为空")]
    return []


def _date_checks(contract: Contract, view: str, business_date: date) -> list[Check]:
    table = severity_table()
    keys = ", ".join(map(quoted, dict.fromkeys([*contract.landed_key(), *_SHOWN])))
    day = f"date '{business_date.isoformat()}'"
    checks = [
        no_rows(
            f"not_in_future:{column.name}",
            f"{column.label} {column.name} 不晚于业务日期 {business_date}",
            table.of("not_in_future", contract),
            f"select {keys}, {quoted(column.name)} from checked where cast({quoted(column.name)} as date) > {day}",
            view,
        )
        for column in contract.columns
        if column.type in ("date", "timestamp") and column.vault is None and not column.planned
    ]
    if contract.legal_basis:
        checks.append(
            no_rows(
                "legal_basis",
                "每行有来源和合法性依据,且在有效期内",
                table.of("legal_basis", contract),
                f"select {keys} from checked where basis_source is null or legal_basis is null"
                f" or basis_expiry is null or basis_expiry <= {day}",
                view,
            )
        )
    return checks


def _reference_checks(home: BankHome, contract: Contract, view: str, business_date: date) -> list[Check]:
    """A reference to a table that this bank does not deliver is not checked."""
    table = severity_table()
    keys = ", ".join(f"checked.{quoted(key)}" for key in dict.fromkeys([*contract.landed_key(), *_SHOWN]))
    limit = table.thresholds.reference_limit
    checks = []
    for column in contract.columns:
        missing = missing_references(home, column, business_date, "checked")
        if missing is None:
            continue
        landed_column = f"{column.name}_key" if column.vault else column.name
        checks.append(
            no_rows(
                f"references:{column.name}",
                f"{column.label} {column.name} 在 {column.references} 中找到(找不到的不超过 {limit:.0%})",
                table.of("references", contract),
                f"select {keys}, checked.{quoted(landed_column)} {missing}"
                f" qualify count(*) over () > {limit} * (select count(*) from {view})",
                view,
            )
        )
    return checks


def _identifier_checks(contract: Contract, view: str) -> list[Check]:
    """Free texts only: surrogates, masks and the columns that landing adds cannot hold an identifier."""
    free = [
        column.name
        for column in contract.columns
        if column.type == "text"
        and column.vault is None
        and column.accepted is None
        and column.name not in contract.key
    ]
    free = [name for name in free if name not in TECHNICAL_COLUMNS]
    if not free:
        return []
    keys = ", ".join(map(quoted, dict.fromkeys([*contract.landed_key(), *_SHOWN])))
    return [
        no_rows(
            "raw_identifier",
            "自由文本中没有身份证号或手机号",
            severity_table().of("raw_identifier", contract),
            f"select {keys} from checked where {matches_raw_identifier(free)}",
            view,
        )
    ]


def _batches_subject(
    home: BankHome, source: str, business_date: date, batches: list[dict[str, Any]], missing: list[str]
) -> Subject:
    """One row per landed table: what the ledger says of the batch beside what is stored."""
    view = f"{source}__batches"
    rows = []
    for batch in batches:
        contract = contracts()[f"{source}.{batch['table_name']}"]
        file = landed_file(home, contract, business_date.isoformat())
        quarantine = home.quarantine / source / batch["table_name"] / f"{business_date.isoformat()}.parquet"
        rows.append(
            f"select {text(contract.name)} as table_name, {batch['rows_in']} as rows_in,"
            f" {batch['rows_landed']} as rows_landed, {batch['rows_quarantined']} as rows_quarantined,"
            f" (select count(*) from read_parquet({text(str(file))})) as rows_stored,"
            f" {text(str(quarantine))} as quarantine"
        )
    rows.append(
        "select null::varchar as table_name, 0 as rows_in, 0 as rows_landed, 0 as rows_quarantined, 0 as rows_stored,"
        " null::varchar as quarantine where false"
    )
    names = [f"{source}.{batch['table_name']}" for batch in batches]
    return Subject(
        f"{source}.batches", view, " union all ".join(rows), _batches_checks(source, view, [*names, *missing])
    )


def _batches_checks(source: str, view: str, names: list[str]) -> list[Check]:
    """Split by severity: a table may be worth more or less than the others."""
    table = severity_table()
    limit = table.thresholds.quarantine_limit
    shown = "select table_name, rows_in, rows_landed, rows_quarantined"
    listed = ", ".join(text(name) for name in names)
    kinds = {
        "due": (
            "到期的数据都已落地",
            f"select table_name from (select unnest([{listed}]) as table_name)"
            f" where table_name not in (select table_name from checked)",
        ),
        "reconciliation": (
            "来源行数 = 落地行数 + 隔离行数,且与存储一致",
            f"{shown}, rows_stored from checked where (rows_in <> rows_landed + rows_quarantined"
            " or rows_stored <> rows_landed)",
        ),
        "quarantine_limit": (
            f"隔离行占比不超过 {limit:.0%}",
            f"{shown}, quarantine from checked where rows_quarantined > {limit} * rows_in",
        ),
        "quarantine_any": (
            "没有被隔离的行",
            f"{shown}, quarantine from checked where rows_quarantined > 0",
        ),
        **{
            kind: (description, f"select * exclude (measure) from {source}__measures where measure = {text(kind)}")
            for kind, description in _MEASURED.items()
        },
    }
    checks = []
    for kind, (description, rows) in kinds.items():
        for severity in ("critical", "warning"):
            those = [text(name) for name in names if table.of(kind, contracts()[name]) == severity]
            if those:
                code = kind if table.landing[kind] == severity else f"{kind}:{severity}"
                checks.append(
                    no_rows(code, description, severity, f"{rows} and table_name in ({', '.join(those)})", view)
                )
    return checks


def _measures_view(source: str, measures: list[Measure]) -> str:
    """A view of the measures that are not as allowed."""
    rows = [
        f"({text(one.table)}, {text(one.measure)}, {text(one.column)}, {text(one.code)},"
        f" {one.value}, {_number(one.lower)}, {_number(one.upper)})"
        for one in measures
        if is_outside(one)
    ]
    empty = "(null::varchar, null::varchar, null::varchar, null::varchar, null::double, null::double, null::double)"
    return (
        f"create view {source}__measures as select * from (values {', '.join([*rows, empty])})"
        " as measured (table_name, measure, column_name, code, value, lower, upper) where table_name is not null"
    )


def _number(value: float | None) -> str:
    return "null" if value is None else str(value)
