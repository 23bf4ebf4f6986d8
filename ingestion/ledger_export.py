"""The ledger of landing, gate 1 and lists as Parquet in `landing/_ledger/`, where dbt reads it like any source."""

from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import ColumnElement, Table, func, select

from ingestion.bank import Bank
from ingestion.placing import placed
from qianmo.ledger import (
    delivery,
    gate_measure,
    gate_result,
    landing_batch,
    landing_drift,
    landing_reject,
    landing_version,
    list_batch,
    rows,
)

EXPORTED = (
    landing_batch,
    landing_reject,
    landing_version,
    landing_drift,
    gate_result,
    gate_measure,
    list_batch,
    delivery,
)
"""Tables of the ledger that dbt reads."""
DELIVERY_DAYS = 62
"""Deliveries are many and shown for a month (`delivery_days_shown`): older ones stay in the ledger alone."""


def export_ledger(bank: Bank) -> None:
    """Place the ledger's tables that dbt reads, and `landing_due`, as Parquet in `landing/_ledger/` for dbt."""
    folder = bank.home.landing / "_ledger"
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    for table in EXPORTED:
        found = rows(bank.home, table, *_recent(table))
        schema = pa.schema([(column.name, kinds[column.type.python_type]) for column in table.c])
        with placed(folder / f"{table.name}.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(list(found), schema), temporary, compression="zstd")
    with placed(folder / "landing_due.parquet") as temporary:
        pq.write_table(_deliveries_due(bank), temporary, compression="zstd")


def _recent(table: Table) -> list[ColumnElement[bool]]:
    if table is not delivery:
        return []
    day = table.c.business_date
    return [day > select(func.date(func.max(day), f"-{DELIVERY_DAYS} days")).scalar_subquery()]


def _deliveries_due(bank: Bank) -> pa.Table:
    """One row per table and business date that it was due on, since its first night; `deadline_hours` null for SQL."""
    batches = rows(bank.home, landing_batch)
    first: dict[tuple[str, str], date] = {}
    for row in batches:  # in key order, so by date within a table
        first.setdefault((row["source"], row["table_name"]), date.fromisoformat(row["business_date"]))
    last = max((date.fromisoformat(row["business_date"]) for row in batches), default=date.min)
    due = [
        {
            "source": source.source,
            "table_name": table,
            "business_date": day.isoformat(),
            "deadline_hours": max((one.deadline_hours for one in descriptions if one.files), default=None),
        }
        for source in bank.sources.values()
        for table, descriptions in source.tables.items()
        if (source.source, table) in first
        for day in _days(first[source.source, table], last)
        if any(one.due.is_due(day) for one in descriptions)
    ]
    texts = [(name, pa.string()) for name in ("source", "table_name", "business_date")]
    return pa.Table.from_pylist(due, pa.schema([*texts, ("deadline_hours", pa.float64())]))


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
