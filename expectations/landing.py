"""Gate 1: what a source landed for a business date, checked against its contracts before anything is built on it."""

from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

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
from expectations.raw_identifier import matches_raw_identifier
from expectations.severity import severity_table
from ingestion.bank import Bank
from ingestion.contract import TECHNICAL_COLUMNS, Contract, contracts
from qianmo import ledger
from qianmo.home import BankHome

_SHOWN = ["batch_id", "source_row"]
"""Beside the key, what leads from a row back to the line of the file it came from."""


def check_landing(bank: Bank, source: str, business_date: date) -> GateResult:
    """Check every table of a source that was landed for the date; without any there is nothing to check.

    Raises:
        DataRefusedError: a critical expectation failed.
        ToolBrokenError: a check crashed.
    """
    home = bank.home
    history = ledger.rows(home, ledger.landing_batch, source=source, status="landed")
    day = business_date.isoformat()
    batches = [batch for batch in history if batch["business_date"] == day]
    if not batches:
        return GateResult("landing", source, business_date, (), None)
    subjects = [_batches_subject(home, source, business_date, batches, list(history))]
    for batch in batches:
        contract = contracts()[f"{source}.{batch['table_name']}"]
        first = not any(
            earlier["table_name"] == batch["table_name"] and earlier["business_date"] < day for earlier in history
        )
        subjects.append(_table_subject(home, contract, business_date, first))
    return run_gate(home, "landing", source, business_date, subjects, prepare=[])


def _table_subject(home: BankHome, contract: Contract, business_date: date, first: bool) -> Subject:
    view = f"{contract.source}__{contract.table}"
    file = _landed(home, contract.name) / f"{business_date.isoformat()}.parquet"
    return Subject(
        contract.name,
        view,
        f"select * from read_parquet({text(str(file))})",
        [
            *_contract_checks(contract, view),
            *_volume_checks(contract, first),
            *_date_checks(contract, view, business_date),
            *_reference_checks(home, contract, view, business_date),
            *_identifier_checks(contract, view),
        ],
    )


def _contract_checks(contract: Contract, view: str) -> list[Check]:
    worth = severity_table().landing
    keys = [*contract.landed_key(), *_SHOWN]
    checks = [
        columns_match(list(contract.landed_columns()), worth.of("columns", contract.name)),
        unique(view, contract.landed_key(), _SHOWN, worth.of("key_unique", contract.name)),
    ]
    for column in contract.columns:
        if column.required:
            landed = f"{column.name}_key" if column.vault else column.name
            checks.append(required(view, landed, column.label, keys, worth.of("required", contract.name)))
        if column.accepted:
            severity = worth.of("accepted", contract.name)
            checks.append(accepted(view, column.name, column.label, column.accepted, keys, severity))
    return checks


def _volume_checks(contract: Contract, first: bool) -> list[Check]:
    worth = severity_table().landing
    if contract.load == "snapshot":
        return [row_count(1, worth.of("full_load_rows", contract.name), "全量快照不为空")]
    if first:
        return [row_count(1, worth.of("first_load_rows", contract.name), "首次全量不为空")]
    return []


def _date_checks(contract: Contract, view: str, business_date: date) -> list[Check]:
    table = severity_table()
    keys = ", ".join(map(quoted, dict.fromkeys([*contract.landed_key(), *_SHOWN])))
    day = f"date '{business_date.isoformat()}'"
    checks = [
        no_rows(
            f"not_in_future:{column.name}",
            f"{column.label} {column.name} 不晚于业务日期 {business_date}",
            table.landing.of("not_in_future", contract.name),
            f"select {keys}, {quoted(column.name)} from checked where cast({quoted(column.name)} as date) > {day}",
            view,
        )
        for column in contract.columns
        if column.type in ("date", "timestamp") and column.vault is None and column.name not in table.planned_dates
    ]
    if contract.legal_basis:
        checks.append(
            no_rows(
                "legal_basis",
                "每行有来源和合法性依据,且在有效期内",
                table.landing.of("legal_basis", contract.name),
                f"select {keys} from checked where basis_source is null or legal_basis is null"
                f" or basis_expiry is null or basis_expiry < {day}",
                view,
            )
        )
    return checks


def _reference_checks(home: BankHome, contract: Contract, view: str, business_date: date) -> list[Check]:
    """A reference to a table that this bank does not deliver is not checked."""
    table = severity_table()
    keys = ", ".join(f"checked.{quoted(key)}" for key in dict.fromkeys([*contract.landed_key(), *_SHOWN]))
    checks = []
    for column in contract.columns:
        if column.references is None:
            continue
        source, name, target = column.references.split(".")
        files = [
            file
            for file in sorted(_landed(home, f"{source}.{name}").glob("????-??-??.parquet"))
            if file.stem <= business_date.isoformat()
        ]
        if not files:
            continue
        own = contracts()[f"{source}.{name}"]
        landed_target = next(f"{c.name}_key" if c.vault else c.name for c in own.columns if c.name == target)
        landed_column = f"{column.name}_key" if column.vault else column.name
        listed = ", ".join(text(str(file)) for file in files)
        limit = table.thresholds.reference_limit
        checks.append(
            no_rows(
                f"references:{column.name}",
                f"{column.label} {column.name} 在 {column.references} 中找到(找不到的不超过 {limit:.0%})",
                table.landing.of("references", contract.name),
                f"select {keys}, checked.{quoted(landed_column)} from checked"
                f" where checked.{quoted(landed_column)} is not null"
                f" and not exists (select 1 from read_parquet([{listed}]) as referred"
                f" where referred.{quoted(landed_target)} = checked.{quoted(landed_column)})"
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
            severity_table().landing.of("raw_identifier", contract.name),
            f"select {keys} from checked where {matches_raw_identifier(free)}",
            view,
        )
    ]


def _batches_subject(
    home: BankHome, source: str, business_date: date, batches: list[dict[str, Any]], history: list[dict[str, Any]]
) -> Subject:
    """One row per landed table: what the ledger says of the batch beside what is stored."""
    view = f"{source}__batches"
    rows = []
    for batch in batches:
        name = f"{source}.{batch['table_name']}"
        file = _landed(home, name) / f"{business_date.isoformat()}.parquet"
        quarantine = home.quarantine / source / batch["table_name"] / f"{business_date.isoformat()}.parquet"
        past = _recent_rows(batch, history)
        rows.append(
            f"select {text(name)} as table_name, {batch['rows_in']} as rows_in, {batch['rows_landed']} as rows_landed,"
            f" {batch['rows_quarantined']} as rows_quarantined,"
            f" (select count(*) from read_parquet({text(str(file))})) as rows_stored,"
            f" {'null' if past is None else past}::double as rows_usual, {text(str(quarantine))} as quarantine"
        )
    return Subject(f"{source}.batches", view, " union all ".join(rows), _batches_checks(source, view, batches))


def _batches_checks(source: str, view: str, batches: list[dict[str, Any]]) -> list[Check]:
    """Split by severity: a table may be worth more or less than the others."""
    table = severity_table()
    limits = table.thresholds
    shown = "select table_name, rows_in, rows_landed, rows_quarantined"
    kinds = {
        "reconciliation": (
            "来源行数 = 落地行数 + 隔离行数,且与存储一致",
            f"{shown}, rows_stored from checked where rows_in <> rows_landed + rows_quarantined"
            " or rows_stored <> rows_landed",
        ),
        "quarantine_limit": (
            f"隔离行占比不超过 {limits.quarantine_limit:.0%}",
            f"{shown}, quarantine from checked where rows_quarantined > {limits.quarantine_limit} * rows_in",
        ),
        "quarantine_any": (
            "没有被隔离的行",
            f"{shown}, quarantine from checked where rows_quarantined > 0",
        ),
        "volume": (
            f"行数与近期平均相差不超过 {limits.volume_factor:g} 倍",
            f"{shown}, rows_usual from checked where greatest(rows_in, rows_usual) >= {limits.volume_rows_least}"
            f" and (rows_in > {limits.volume_factor} * rows_usual or rows_usual > {limits.volume_factor} * rows_in)",
        ),
    }
    names = [f"{source}.{batch['table_name']}" for batch in batches]
    checks = []
    for kind, (description, rows) in kinds.items():
        for severity in ("critical", "warning"):
            those = [text(name) for name in names if table.landing.of(kind, name) == severity]
            if those:
                code = kind if table.landing.checks[kind] == severity else f"{kind}:{severity}"
                checks.append(
                    no_rows(code, description, severity, f"{rows} and table_name in ({', '.join(those)})", view)
                )
    return checks


def _recent_rows(batch: dict[str, Any], history: list[dict[str, Any]]) -> float | None:
    """Mean rows of the batches before this one, without the first, which carries the history; None if too few."""
    limits = severity_table().thresholds
    earlier = sorted(
        (
            (other["business_date"], other["rows_in"])
            for other in history
            if other["table_name"] == batch["table_name"] and other["business_date"] < batch["business_date"]
        ),
    )
    contract = contracts()[f"{batch['source']}.{batch['table_name']}"]
    if contract.load != "snapshot":
        earlier = earlier[1:]
    recent = [rows for _, rows in earlier[-limits.volume_batches :]]
    return mean(recent) if len(recent) >= limits.volume_batches_least else None


def _landed(home: BankHome, name: str) -> Path:
    source, table = name.split(".")
    return home.landing / source / table
