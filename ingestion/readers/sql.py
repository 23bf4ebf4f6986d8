"""Tables of a database: pages of text in watermark order, and rows by key, in one read-only transaction.

PostgreSQL is read columnar: `copy (select …) to stdout` parsed by Arrow. Every other database is read through
SQLAlchemy. Both give the same texts.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    cast,
    create_engine,
    func,
    inspect,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchTableError, SQLAlchemyError

from ingestion.bank import SqlFormat
from ingestion.readers.embedded_postgres import POSTGRES_DRIVER, running
from qianmo.errors import ConfigurationError, DataRefusedError

WATERMARK = "_watermark"
"""Column of a page beside the table's own: the watermark exactly, to go on after it."""

_QUERY_CANCELED = "57014"  # SQLSTATE of a statement that ran into statement_timeout
_KEYS_PER_QUERY = 500
_CSV_BLOCK_BYTES = 1 << 24
"""No row may be longer than a block."""


@contextmanager
def open_database(file_format: SqlFormat, embedded: Path | None, timezone: str) -> Iterator[Connection]:
    """A connection in a read-only transaction with one snapshot; the embedded PostgreSQL when there is no URL.

    Raises:
        ConfigurationError: the URL is not one.
        DataRefusedError: the database cannot be reached, or a statement failed or ran into the timeout.
    """
    try:
        with _url(file_format, embedded) as url:
            engine = create_engine(url)
            try:
                with engine.connect() as plain:
                    yield _prepared(plain, file_format, timezone)
            finally:
                engine.dispose()
    except (SQLAlchemyError, psycopg2.Error) as error:
        where = make_url(file_format.url).render_as_string() if file_format.url else str(embedded)
        original = getattr(error, "orig", None) or error
        reason = next(iter(str(original).strip().splitlines()), type(original).__name__)
        if getattr(original, "pgcode", None) == _QUERY_CANCELED:
            raise DataRefusedError(
                f"{where}: expected table {file_format.table} to answer each query within"
                f" {file_format.statement_timeout} s, found: {reason}. Have {file_format.watermark} indexed, lower"
                " format.page_rows or raise format.statement_timeout; the next run goes on after the last page"
            ) from None
        raise DataRefusedError(f"{where}: expected to read table {file_format.table}, found: {reason}") from None


def _prepared(plain: Connection, file_format: SqlFormat, timezone: str) -> Connection:
    if plain.dialect.name == "sqlite":
        plain.execute(text("pragma query_only = on"))
    if plain.dialect.name != "postgresql":
        return plain
    connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    settings = {
        "timezone": timezone,
        "datestyle": "ISO, YMD",
        "client_encoding": "UTF8",
        "statement_timeout": f"{file_format.statement_timeout}s",
    }
    connection.execute(select(*(func.set_config(name, value, False) for name, value in settings.items())))
    return connection


@contextmanager
def _url(file_format: SqlFormat, embedded: Path | None) -> Iterator[URL]:
    if file_format.url:
        try:
            url = make_url(file_format.url)
        except ArgumentError:
            raise ConfigurationError(f"format.url of table {file_format.table} is not an SQLAlchemy URL") from None
        yield url.set(drivername=POSTGRES_DRIVER) if url.drivername == "postgresql" else url
        return
    assert embedded is not None  # noqa: S101  # the description has one of the two
    with running(embedded) as url:
        yield url


class SqlTable:
    """A table or view with its columns, its key and its watermark."""

    def __init__(self, connection: Connection, file_format: SqlFormat) -> None:
        """Reflect the table.

        Raises:
            DataRefusedError: there is no such table or column, it has no key, or a row has no watermark.
        """
        self._connection = connection
        self._page_rows = file_format.page_rows
        schema_name, _, name = file_format.table.rpartition(".")
        try:
            table = Table(name, MetaData(), schema=schema_name or None, autoload_with=connection)
        except NoSuchTableError:
            raise DataRefusedError(
                f"{connection.engine.url.render_as_string()}: expected table {file_format.table}, found no such table"
            ) from None
        primary_key = inspect(connection).get_pk_constraint(name, schema_name or None)["constrained_columns"]
        self.name = file_format.table
        self.columns = list(table.c.keys())
        self.key = list(file_format.key or primary_key)
        if not self.key:
            raise DataRefusedError(
                f"table {self.name}: expected a primary key, found none: name its key columns in format.key"
            )
        if missing := [c for c in (file_format.watermark, *self.key) if c not in table.c]:
            raise DataRefusedError(
                f"table {self.name}: expected column {', '.join(missing)}, found {', '.join(self.columns)}"
            )
        self._table = table
        self._watermark = table.c[file_format.watermark]
        self._order = [self._watermark, *(table.c[name] for name in self.key)]
        try:
            self._is_day = {date: True, datetime: False}[self._watermark.type.python_type]
        except (KeyError, NotImplementedError):
            raise DataRefusedError(
                f"table {self.name}: expected a date or timestamp in column {file_format.watermark},"
                f" found {self._watermark.type}"
            ) from None
        if self._watermark.nullable and connection.execute(select(1).where(self._watermark.is_(None)).limit(1)).first():
            raise DataRefusedError(
                f"table {self.name}: expected {file_format.watermark} in every row, found rows without:"
                " read a view that fills it"
            )

    def pages(
        self, since: date | None, until: date | None, after: Sequence[str] | None = None, keys_only: bool = False
    ) -> Iterator[pa.Table]:
        """Rows with a watermark in [since, until), ordered by watermark and key, after a position; all as text.

        A position is the last row's `WATERMARK` and key. Pages have the table's columns, or its key only, and
        `WATERMARK`. Each is a query of its own, so none is held open and memory is that of one page.
        """
        names = self.key if keys_only else self.columns
        while True:
            query = self._selected(names).order_by(*self._order).limit(self._page_rows)
            if since is not None:
                query = query.where(self._watermark >= self._bound(since))
            if until is not None:
                query = query.where(self._watermark < self._bound(until))
            if after is not None:
                query = query.where(self._after(after))
            page = fetch(self._connection, query)
            self._check_key(page)
            if page.num_rows:
                yield page
            if page.num_rows < self._page_rows:
                return
            last = page.slice(page.num_rows - 1)
            after = [last[name][0].as_py() for name in (WATERMARK, *self.key)]

    def by_keys(self, keys: pa.Table) -> pa.Table:
        """The rows of some keys, at least one (columns: the key's), that are there now, in the shape of a page."""
        columns = [self._table.c[name] for name in self.key]
        found = []
        for start in range(0, keys.num_rows, _KEYS_PER_QUERY):
            wanted = keys.slice(start, _KEYS_PER_QUERY).select(self.key)
            values = zip(*(column.to_pylist() for column in wanted.columns), strict=True)
            if len(columns) == 1:
                chosen: ColumnElement[bool] = columns[0].in_([self._value(columns[0], value) for (value,) in values])
            else:
                pairs = ([c == self._value(c, value) for c, value in zip(columns, row, strict=True)] for row in values)
                chosen = or_(*(and_(*pair) for pair in pairs))
            found.append(fetch(self._connection, self._selected(self.columns).where(chosen).order_by(*self._order)))
        return pa.concat_tables(found)

    def _selected(self, names: Sequence[str]) -> Select[*tuple[Any, ...]]:
        columns = [self._as_text(self._table.c[name]).label(name) for name in names]
        return select(*columns, cast(self._watermark, Text).label(WATERMARK))

    def _as_text(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        if self._is_postgres and getattr(column.type, "timezone", False):
            column = cast(column, TIMESTAMP)  # the bank's own time, without an offset
        return cast(column, Text)

    @property
    def _is_postgres(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    def _bound(self, day: date) -> ColumnElement[Any]:
        # SQLite keeps times as text, with or without fractions: the bare date sorts before all of its day
        bare = self._is_day or self._connection.dialect.name == "sqlite"
        return self._value(self._watermark, day.isoformat() if bare else f"{day} 00:00:00")

    def _after(self, position: Sequence[str]) -> ColumnElement[bool]:
        """Strictly after a position; spelled out, as not every database compares tuples."""
        values = [self._value(column, value) for column, value in zip(self._order, position, strict=True)]
        later = [
            and_(*(c == v for c, v in zip(self._order[:at], values[:at], strict=True)), self._order[at] > values[at])
            for at in range(len(values))
        ]
        return and_(self._watermark >= values[0], or_(*later))

    def _value(self, column: ColumnElement[Any], value: str) -> ColumnElement[Any]:
        """A text that the database gave, as a value to compare with the column."""
        if self._connection.dialect.name == "sqlite":
            return literal(value, Text)
        if self._is_postgres:
            return cast(literal(value, Text), column.type)
        parse: dict[type, Callable[[str], Any]] = {
            int: int,
            float: float,
            Decimal: Decimal,
            date: date.fromisoformat,
            datetime: datetime.fromisoformat,
        }
        return literal(parse.get(column.type.python_type, str)(value), column.type)

    def _check_key(self, page: pa.Table) -> None:
        if not all(page[name].null_count == 0 for name in self.key) or (
            page.group_by(self.key).aggregate([]).num_rows < page.num_rows
        ):
            raise DataRefusedError(
                f"table {self.name}: expected one row per {', '.join(self.key)}, found several or none of it:"
                " name the columns of a unique key in format.key"
            )


def fetch(connection: Connection, query: Select[*tuple[Any, ...]]) -> pa.Table:
    """The rows of a query whose columns are all texts: by COPY where the database has it, else through SQLAlchemy."""
    if connection.dialect.driver == "psycopg2":
        return fetch_by_copy(connection, query)
    return fetch_by_cursor(connection, query)


def fetch_by_cursor(connection: Connection, query: Select[*tuple[Any, ...]]) -> pa.Table:
    """Through SQLAlchemy: any database."""
    names = [column.name for column in query.selected_columns]
    rows = connection.execute(query).fetchall()
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table([pa.array(values, pa.string()) for values in columns], names)


def fetch_by_copy(connection: Connection, query: Select[*tuple[Any, ...]]) -> pa.Table:
    """By `copy … to stdout` as CSV: an unquoted empty field is NULL, a quoted one is an empty text.

    Raises:
        DataRefusedError: a text is not UTF-8, or a row is longer than 16 MiB.
    """
    names = [column.name for column in query.selected_columns]
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    buffer = io.BytesIO()
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        statement = cursor.mogrify(compiled.string, compiled.params).decode()
        cursor.copy_expert(f"copy ({statement}) to stdout with (format csv)", buffer)
    if not buffer.tell():
        return pa.table({name: pa.array([], pa.string()) for name in names})
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(buffer.getbuffer()),
            pyarrow.csv.ReadOptions(column_names=names, block_size=_CSV_BLOCK_BYTES),
            pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        raise DataRefusedError(
            f"{connection.engine.url.render_as_string()}: expected rows of UTF-8 text of at most"
            f" {_CSV_BLOCK_BYTES >> 20} MiB, found others"
        ) from None


def describe(file_format: SqlFormat, business_date: date) -> str:
    """What stands for a file name in the ledger and in quarantine."""
    return f"{file_format.table} ({file_format.watermark} {business_date.isoformat()})"
