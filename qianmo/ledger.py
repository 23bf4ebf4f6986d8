"""The ledger: one SQLite file per bank that says what was landed, checked, built, published and delivered.

A row here is the commit point of a step: files are placed first, under their final names, then the row is
written in one transaction. A step without its row is repeated; a step with it is not done twice.
"""

import getpass
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from qianmo.home import BankHome

metadata = MetaData()

landing_batch = Table(
    "landing_batch",
    metadata,
    Column("source", String, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("business_date", String, primary_key=True),  # ISO date
    Column("status", String, nullable=False),  # landed | refused
    Column("batch_id", String),  # <source>.<table>.<date>.<first 12 of content_sha256>; and .r<n> after n releases
    Column("contract_version", Integer),
    Column("content_sha256", String),  # of the source files, the contract and the description
    Column("files", String),  # JSON list of names
    Column("unloads", String),  # JSON list: SHA-256 of what was delivered for each description, null for nothing
    Column("rows_in", Integer),
    Column("rows_landed", Integer),
    Column("rows_quarantined", Integer),
    Column("message", String),  # why refused: file, expected, found
    Column("recorded_at", String, nullable=False),
)

landing_version = Table(
    "landing_version",  # every batch that ever landed; landing_batch holds the current one
    metadata,
    Column("source", String, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("business_date", String, primary_key=True),
    Column("version", Integer, primary_key=True),  # from 1; the highest is the current one
    Column("batch_id", String, nullable=False),
    Column("content_sha256", String, nullable=False),
    Column("files", String, nullable=False),  # JSON list of names
    Column("rows_in", Integer, nullable=False),
    Column("rows_landed", Integer, nullable=False),
    Column("rows_quarantined", Integer, nullable=False),
    Column("contract_version", Integer, nullable=False),
    Column("landed_at", String, nullable=False),
    Column("superseded_at", String),
    Column("superseded_by", String),  # batch_id of the next version
)

landing_reject = Table(
    "landing_reject",
    metadata,
    Column("source", String, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("business_date", String, primary_key=True),
    Column("column_name", String, primary_key=True),
    Column("reason", String, primary_key=True),
    Column("rows_rejected", Integer, nullable=False),
)

landing_drift = Table(
    "landing_drift",  # how the columns of a delivery differ from those described
    metadata,
    Column("source", String, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("business_date", String, primary_key=True),
    Column("column_name", String, primary_key=True),  # as in the source's header
    Column("change", String, primary_key=True),  # added | removed | reordered
    Column("recorded_at", String, nullable=False),
)

quarantine_release = Table(
    "quarantine_release",  # rows that left quarantine for landing, and those tried in vain
    metadata,
    Column("release_id", Integer, primary_key=True, autoincrement=True),
    Column("source", String, nullable=False),
    Column("table_name", String, nullable=False),
    Column("business_date", String, nullable=False),
    Column("batch_id", String, nullable=False),  # of the batch as it is with the released rows
    Column("contract_version", Integer, nullable=False),
    Column("reason", String),  # only rows of this reason were tried
    Column("corrections", String),  # name of the file with corrected values
    Column("rows_released", Integer, nullable=False),
    Column("rows_kept", Integer, nullable=False),  # tried and still in quarantine
    Column("rows_left_out", Integer, nullable=False),  # outside the description's `where`: not part of the table
    Column("released_by", String, nullable=False),  # OS user
    Column("recorded_at", String, nullable=False),
)

gate_result = Table(
    "gate_result",
    metadata,
    Column("gate", String, primary_key=True),  # landing | marts
    Column("subject", String, primary_key=True),  # source.table, or mart
    Column("business_date", String, primary_key=True),
    Column("expectation", String, primary_key=True),
    Column("severity", String, nullable=False),  # critical | warning
    Column("success", Integer, nullable=False),  # 1, 0
    Column("observed", String),
    Column("recorded_at", String, nullable=False),
)

gate_measure = Table(
    "gate_measure",
    metadata,
    Column("gate", String, primary_key=True),  # landing
    Column("subject", String, primary_key=True),  # source.table
    Column("business_date", String, primary_key=True),
    Column("measure", String, primary_key=True),  # see expectations/measure.py
    Column("column_name", String, primary_key=True),  # '' of a measure of the whole batch
    Column("code", String, primary_key=True),  # the contract's code whose share it is, else ''
    Column("value", Float, nullable=False),
    Column("lower", Float),  # what was allowed; null where there is no limit
    Column("upper", Float),
    Column("recorded_at", String, nullable=False),
)

build = Table(
    "build",
    metadata,
    Column("business_date", String, primary_key=True),
    Column("input_digest", String, nullable=False),
    Column("recorded_at", String, nullable=False),
)

publication = Table(
    "publication",
    metadata,
    Column("version", String, primary_key=True),
    Column("business_date", String, nullable=False),
    Column("file_name", String, nullable=False),
    Column("content_digest", String, nullable=False),
    Column("recorded_at", String, nullable=False),
)

list_batch = Table(
    "list_batch",  # rows of a list that were opened on a date, and what was decided on them last
    metadata,
    Column("batch_id", String, primary_key=True),  # <list code>-<YYYYMMDD>
    Column("list_code", String, nullable=False),
    Column("business_date", String, nullable=False),
    Column("state", String, nullable=False),  # proposed | approved | rejected | expired
    Column("rows", Integer, nullable=False),  # to be delivered
    Column("holdout_rows", Integer, nullable=False),
    Column("content_sha256", String, nullable=False),  # of the rows to be delivered and of what they are delivered with
    Column("definition_sha256", String, nullable=False),
    Column("material_id", String, nullable=False),
    Column("snapshot", String, nullable=False),  # name of the file in `list_batches` that froze it
    Column("proposed_at", String, nullable=False),
    Column("expires_at", String, nullable=False),  # undecided by then it is expired
    Column("decided_by", String),
    Column("decided_at", String),
    Column("decision", String),  # person | automatic
    Column("reason", String),
)

list_decision = Table(
    "list_decision",  # every decision ever taken, each on one content of a batch
    metadata,
    Column("decision_id", Integer, primary_key=True, autoincrement=True),
    Column("batch_id", String, nullable=False),
    Column("content_sha256", String, nullable=False),
    Column("snapshot", String, nullable=False),
    Column("state", String, nullable=False),  # approved | rejected | expired
    Column("decided_by", String, nullable=False),
    Column("decided_at", String, nullable=False),
    Column("decision", String, nullable=False),  # person | automatic
    Column("reason", String),
)

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", String, primary_key=True),  # <list code>-<YYYYMMDD>.<recipient type>.<recipient>
    Column("batch_id", String, nullable=False),  # of the list and date of the package; its rows may be of earlier ones
    Column("list_code", String, nullable=False),
    Column("business_date", String, nullable=False),
    Column("version", String, nullable=False),
    Column("definition_hash", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("recipient_type", String, nullable=False),  # branch | manager
    Column("recipient", String, nullable=False),
    Column("rows", Integer, nullable=False),  # open rows
    Column("new_rows", Integer),  # of these, rows that the recipient did not have before
    Column("removed_rows", Integer),
    Column("content_sha256", String, nullable=False),  # of the CSV before encryption
    Column("workbook_sha256", String),  # of the XLSX before encryption
    Column("layout", String),  # version of the code that turned rows into files
    Column("files", String, nullable=False),  # JSON: name to SHA-256 of the file as placed
    Column("snapshot", String),  # name of the file in `list_batches` that froze the rows
    Column("approver", String),
    Column("expires_on", String),
    Column("target", String),  # where it was transferred to besides the delivery folder; without credentials
    Column("recorded_at", String, nullable=False),
)

deletion = Table(
    "deletion",  # what retention deleted: written down before, confirmed after
    metadata,
    Column("path", String, primary_key=True),  # below the bank's home; a folder is deleted whole
    Column("intended_at", String, primary_key=True),
    Column("sha256", String, nullable=False),  # of the file; of a folder, over its files' names and digests
    Column("policy", String, nullable=False),
    Column("deleted_at", String),
    Column("target", String),  # of a package's copy: the delivery target, and `path` is below it
)

vault_access = Table(
    "vault_access",
    metadata,
    Column("access_id", Integer, primary_key=True, autoincrement=True),
    Column("os_user", String, default=getpass.getuser),  # who ran it
    Column("purpose", String, nullable=False),
    Column("kinds", String, nullable=False),  # comma-separated
    Column("recipient", String, nullable=False),  # for whom
    Column("values_asked", Integer),
    Column("values_read", Integer, nullable=False),
    Column("recorded_at", String, nullable=False),
)

key_use = Table(
    "key_use",
    metadata,
    Column("kind", String, primary_key=True),  # vault | surrogate
    Column("key_id", String, primary_key=True),  # says nothing about the key
    Column("first_used", String, nullable=False),
    Column("last_used", String, nullable=False),
    Column("retired_at", String),  # no file needs the key since then
)


def now() -> str:
    """The current instant, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def transaction(home: BankHome) -> Iterator[Connection]:
    """One write transaction on the bank's ledger, created when missing; waits up to 60 s for other writers."""
    home.root.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{home.ledger}", connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def _manual_begin(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("pragma journal_mode=wal")

    @event.listens_for(engine, "begin")
    def _begin_immediate(connection: Connection) -> None:
        connection.exec_driver_sql("begin immediate")

    try:
        with engine.begin() as connection:
            _bring_up_to_date(connection)
            yield connection
    finally:
        engine.dispose()


def _bring_up_to_date(connection: Connection) -> None:
    """Make the tables and the columns that a ledger lacks; they are NULL in the rows of an earlier version."""
    statement = (
        "select t.name, c.name from sqlite_master as t join pragma_table_info(t.name) as c where t.type = 'table'"
    )
    known = {(table, column) for table, column in connection.exec_driver_sql(statement)}
    lacking = [
        column for table in metadata.sorted_tables for column in table.columns if (table.name, column.name) not in known
    ]
    if not lacking:
        return
    metadata.create_all(connection)
    tables = {table for table, _ in known}
    for column in lacking:
        if column.table.name in tables:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f'alter table {column.table.name} add column "{column.name}" {kind}')


def put(connection: Connection, table: Table, *rows: Mapping[str, Any]) -> None:
    """Insert rows, replacing those with the same key; `recorded_at` is filled in."""
    for row in rows:
        values = dict(row)
        if "recorded_at" in table.c:
            values.setdefault("recorded_at", now())
        statement = insert(table).values(values)
        if not all(column.autoincrement is True for column in table.primary_key):
            statement = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
        connection.execute(statement)


def rows(home: BankHome, table: Table, *conditions: ColumnElement[bool], **equal: Any) -> Sequence[dict[str, Any]]:
    """Rows of a table that meet the conditions and whose columns equal the given values, in key order."""
    with transaction(home) as connection:
        statement = select(table).where(*conditions).filter_by(**equal).order_by(*table.primary_key)
        return [dict(row) for row in connection.execute(statement).mappings()]
