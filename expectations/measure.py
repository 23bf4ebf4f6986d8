"""What gate 1 measures of a landed batch, as numbers, and what is usual for it: for trends, and to be warned of drift.

One scan of a batch gives its shares. What is allowed is a limit that the contract or the bank states, or a band around
the median of the recent past: robust, so that one odd night neither widens nor moves it.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import exp, inf, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from sqlalchemy import select

from expectations.check import quoted, text
from expectations.severity import severity_table
from ingestion.bank import Bank
from ingestion.contract import Column, Contract, contracts
from qianmo import ledger
from qianmo.home import BankHome

PAST_DAYS = 100
"""How far back the ledger is read: fourteen of a weekday, three of a monthly delivery."""
WEEK_DAYS = 7
ROBUST_DEVIATION = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""

Past = Mapping[tuple[str, str, str, str], Sequence[tuple[date, float]]]
"""(table, measure, column, code) to the values of earlier batches, oldest first."""


@dataclass(frozen=True)
class Measure:
    """One number of a batch.

    `measure` is volume (rows in), quarantine_share, null_share, code_share, invalid_share (ID numbers that fail their
    check), missing_share (references not found), repeated_keys (share of the rows), event_age (days from the newest
    event to the business date) or late (hours from the end of the business date to the arrival of the last file).
    Shares are 0 to 1. `lower` and `upper` say what is allowed; null where nothing is.
    """

    table: str
    measure: str
    value: float
    column: str = ""
    code: str = ""
    lower: float | None = None
    upper: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.table, self.measure, self.column, self.code


def measure(bank: Bank, business_date: date, batches: Sequence[dict[str, Any]]) -> list[Measure]:
    """Measure the landed batches of one source and business date; `batches` are their ledger rows."""
    if not batches:
        return []
    source = str(batches[0]["source"])
    history = ledger.rows(bank.home, ledger.landing_batch, source=source, status="landed")
    past = _past(bank.home, source, business_date, history)
    found: list[Measure] = []
    with duckdb.connect() as connection:
        for batch in batches:
            contract = contracts()[f"{source}.{batch['table_name']}"]
            earlier = sorted(
                row["business_date"]
                for row in history
                if row["table_name"] == batch["table_name"] and row["business_date"] < business_date.isoformat()
            )
            found += _of_ledger(bank, contract, business_date, batch, bool(earlier))
            found += _of_rows(bank.home, connection, contract, business_date, earlier)
    return [_with_band(one, past, business_date, _rows_in(batches, one.table)) for one in found]


def landed_file(home: BankHome, contract: Contract, day: str) -> Path:
    return home.landing / contract.source / contract.table / f"{day}.parquet"


def live_rows(contract: Contract, file: Path) -> str:
    """The batch without the marks of rows deleted in the source, which hold a key and nothing else."""
    query = f"select * from read_parquet({text(str(file))})"
    return f"{query} where not coalesce(is_deleted, false)" if "is_deleted" in contract.landed_columns() else query


def _rows_in(batches: Sequence[dict[str, Any]], table: str) -> int:
    return int(next(batch["rows_in"] for batch in batches if f"{batch['source']}.{batch['table_name']}" == table))


def _of_ledger(
    bank: Bank, contract: Contract, business_date: date, batch: dict[str, Any], has_past: bool
) -> Iterator[Measure]:
    # The first delivery of a table that grows carries the history: its number of rows says nothing of a usual day.
    if has_past or contract.load == "snapshot":
        yield Measure(contract.name, "volume", batch["rows_in"])
    if batch["rows_in"]:
        share = batch["rows_quarantined"] / batch["rows_in"]
        limit = severity_table().thresholds.quarantine_limit
        yield Measure(contract.name, "quarantine_share", share, upper=limit)
    if (arrived := _arrival(bank, batch)) is not None:
        closed = datetime.combine(business_date + timedelta(days=1), datetime.min.time(), ZoneInfo(bank.timezone))
        descriptions = bank.sources[contract.source].tables[contract.table] if contract.source in bank.sources else []
        deadline = max((one.deadline_hours for one in descriptions if one.files), default=None)
        yield Measure(contract.name, "late", (arrived - closed.timestamp()) / 3600, upper=deadline)


def _arrival(bank: Bank, batch: dict[str, Any]) -> float | None:
    """When the last file of a batch was written, seconds since 1970; None for a database, or files that are gone."""
    files = [bank.inbox / name for name in json.loads(batch["files"] or "[]")]
    return max((file.stat().st_mtime for file in files if file.is_file()), default=None)


def _of_rows(
    home: BankHome,
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    business_date: date,
    earlier: Sequence[str],
) -> Iterator[Measure]:
    limits = severity_table().thresholds
    rows = live_rows(contract, landed_file(home, contract, business_date.isoformat()))
    stored = {row[0] for row in connection.execute(f"describe {rows}").fetchall()}
    if not stored.issuperset(contract.landed_columns()):
        return  # the check of the columns says so
    wanted: list[tuple[Column, str, str, str, str]] = []
    for column in contract.columns:
        landed = f"{column.name}_key" if column.vault else column.name
        filled = f"count({quoted(landed)})"
        if not column.required:
            wanted.append((column, "null_share", "", f"count(*) - {filled}", "count(*)"))
        for code in column.accepted or []:
            wanted.append((column, "code_share", code, f"count(*) filter ({quoted(landed)} = {text(code)})", filled))
        if column.vault == "id_number":
            wrong = f"count(*) filter (not {quoted(f'{column.name}_is_valid')})"
            wanted.append((column, "invalid_share", "", wrong, filled))
    event = f"max(cast({quoted(contract.gate.event)} as date))" if contract.gate.event else "null::date"
    counts = ", ".join(f"{part}, {whole}" for _, _, _, part, whole in wanted)
    scanned = connection.execute(f"select count(*), {event}{', ' if counts else ''}{counts} from ({rows})").fetchone()
    assert scanned is not None  # noqa: S101 (an aggregate without groups gives one row)
    count, newest, *shares = scanned
    if newest is not None:
        age = (business_date - newest).days
        yield Measure(contract.name, "event_age", age, contract.gate.event or "", upper=contract.gate.event_days)
    if count >= limits.rows_least:
        for (column, name, code, _, _), part, whole in zip(wanted, shares[::2], shares[1::2], strict=True):
            if whole:
                yield Measure(contract.name, name, part / whole, column.name, code)
    if count:
        yield from _of_references(home, connection, contract, business_date, rows, count)
        yield from _repeated(home, connection, contract, rows, count, earlier)


def _of_references(
    home: BankHome,
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    business_date: date,
    rows: str,
    count: int,
) -> Iterator[Measure]:
    for column in contract.columns:
        missing = missing_references(home, column, business_date, f"({rows})")
        if missing is None:
            continue
        found = connection.execute(f"select count(*) {missing}").fetchone()
        limit = severity_table().thresholds.reference_limit
        yield Measure(contract.name, "missing_share", (found or (0,))[0] / count, column.name, upper=limit)


def missing_references(home: BankHome, column: Column, business_date: date, checked: str) -> str | None:
    """`from … where …` of the rows whose reference is not found; None where there is nothing to look in."""
    if column.references is None:
        return None
    source, name, target = column.references.split(".")
    own = contracts()[f"{source}.{name}"]
    folder = home.landing / source / name
    files = [file for file in sorted(folder.glob("????-??-??.parquet")) if file.stem <= business_date.isoformat()]
    if not files:
        return None
    landed_target = next(f"{c.name}_key" if c.vault else c.name for c in own.columns if c.name == target)
    landed_column = f"{column.name}_key" if column.vault else column.name
    listed = ", ".join(text(str(file)) for file in files)
    return (
        f"from {checked} as checked where checked.{quoted(landed_column)} is not null"
        f" and not exists (select 1 from read_parquet([{listed}]) as referred"
        f" where referred.{quoted(landed_target)} = checked.{quoted(landed_column)})"
    )


def _repeated(
    home: BankHome,
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    rows: str,
    count: int,
    earlier: Sequence[str],
) -> Iterator[Measure]:
    recent = earlier[-severity_table().thresholds.repeated_batches :]
    files = [file for day in recent if (file := landed_file(home, contract, day)).is_file()]
    if contract.load != "append" or not files:
        return
    keys = ", ".join(map(quoted, contract.landed_key()))
    listed = ", ".join(text(str(file)) for file in files)
    query = f"select count(*) from ({rows}) semi join read_parquet([{listed}]) using ({keys})"
    found = connection.execute(query).fetchone()
    yield Measure(contract.name, "repeated_keys", (found or (0,))[0] / count, upper=0.0)


def _past(home: BankHome, source: str, business_date: date, history: Sequence[dict[str, Any]]) -> Past:
    """Values of earlier batches. Rows come from the ledger of landing, so that they are known from the first night."""
    since = (business_date - timedelta(days=PAST_DAYS)).isoformat()
    until = business_date.isoformat()
    first: dict[str, str] = {}
    for row in history:
        first.setdefault(row["table_name"], row["business_date"])  # in key order, so by date
    past: dict[tuple[str, str, str, str], list[tuple[date, float]]] = defaultdict(list)
    for row in history:
        name = f"{source}.{row['table_name']}"
        carries_history = contracts()[name].load != "snapshot" and row["business_date"] == first[row["table_name"]]
        if since <= row["business_date"] < until and not carries_history:
            past[name, "volume", "", ""].append((date.fromisoformat(row["business_date"]), row["rows_in"]))
    table = ledger.gate_measure
    with ledger.transaction(home) as connection:
        found = connection.execute(
            select(*(table.c[name] for name in ("subject", "measure", "column_name", "code", "business_date", "value")))
            .where(
                table.c.gate == "landing",
                table.c.subject.in_([f"{source}.{name}" for name in first]),
                table.c.measure.in_(["null_share", "code_share", "invalid_share"]),
                table.c.business_date >= since,
                table.c.business_date < until,
            )
            .order_by(table.c.business_date)
        ).all()
    for subject, name, column, code, day, value in found:
        # The changes of a day are other customers than those of the full load.
        if contracts()[subject].load == "upsert" and day == first.get(subject.split(".")[1]):
            continue
        past[subject, name, column, code].append((date.fromisoformat(day), value))
    return past


def _with_band(one: Measure, past: Past, business_date: date, rows: int) -> Measure:
    limits = severity_table().thresholds
    values = _comparable(past.get(one.key, ()), business_date)
    if not values:
        return one
    if one.measure == "volume":
        if max(one.value, median(values)) < limits.rows_least:
            return one
        lower, upper = _band([log(max(value, 1.0)) for value in values], log(limits.volume_floor))
        return Measure(one.table, one.measure, one.value, lower=exp(lower), upper=exp(upper))
    usual = median(values)
    by_chance = limits.past_deviations * sqrt(usual * (1 - usual) / rows)
    lower, upper = _band(values, max(limits.share_floor, by_chance))
    return Measure(one.table, one.measure, one.value, one.column, one.code, max(lower, 0.0), min(upper, 1.0))


def _comparable(past: Sequence[tuple[date, float]], business_date: date) -> list[float]:
    """The same weekday where there is enough of it: a Sunday is measured by Sundays."""
    limits = severity_table().thresholds
    same = [value for day, value in past if (business_date - day).days % WEEK_DAYS == 0]
    chosen = same if len(same) >= limits.past_weekdays else [value for _, value in past]
    return chosen[-limits.past_batches :]


def _band(values: list[float], floor: float) -> tuple[float, float]:
    """Around the median, wide enough for the noise of the past; a short past is trusted less."""
    usual = median(values)
    deviation = ROBUST_DEVIATION * median(abs(value - usual) for value in values)
    width = max(floor, severity_table().thresholds.past_deviations * deviation) * (1 + 2 / len(values))
    return usual - width, usual + width


def is_outside(one: Measure) -> bool:
    return not (-inf if one.lower is None else one.lower) <= one.value <= (inf if one.upper is None else one.upper)
