"""Tables of a database, read by watermark in one read-only transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, MetaData, Select, Table, Text, cast, create_engine, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchTableError, SQLAlchemyError

from ingestion.bank import SqlFormat
from ingestion.readers.embedded_postgres import POSTGRES_DRIVER, running
from ingestion.readers.rows import Piece, Rows, schema
from qianmo.errors import ConfigurationError, DataRefusedError

_BATCH_ROWS = 20_000


@contextmanager
def open_database(file_format: SqlFormat, embedded: Path | None, timezone: str) -> Iterator[Connection]:
    """A connection in a read-only transaction with one snapshot; the embedded PostgreSQL when there is no URL.

    Raises:
        ConfigurationError: the URL is not one.
        DataRefusedError: the database cannot be reached.
    """
    try:
        with _url(file_format, embedded) as url:
            engine = create_engine(url)
            try:
                with engine.connect() as plain:
                    connection = plain
                    if engine.dialect.name == "postgresql":
                        connection = plain.execution_options(
                            isolation_level="REPEATABLE READ", postgresql_readonly=True
                        )
                        connection.execute(select(func.set_config("timezone", timezone, True)))
                    yield connection
            finally:
                engine.dispose()
    except SQLAlchemyError as error:
        where = make_url(file_format.url).render_as_string() if file_format.url else str(embedded)
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise DataRefusedError(f"{where}: expected to read table {file_format.table}, found: {reason}") from None


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


class SqlRows:
    """The rows of one business date."""

    def __init__(self, connection: Connection, file_format: SqlFormat, business_date: date, is_first: bool) -> None:
        """`is_first`: the first date landed takes everything up to its end, later ones their own day."""
        self._connection = connection
        schema_name, _, name = file_format.table.rpartition(".")
        try:
            table = Table(name, MetaData(), schema=schema_name or None, autoload_with=connection)
        except NoSuchTableError:
            raise DataRefusedError(
                f"{connection.engine.url.render_as_string()}: expected table {file_format.table}, found no such table"
            ) from None
        if missing := [c for c in (file_format.watermark, *file_format.order_by) if c not in table.c]:
            raise DataRefusedError(
                f"table {file_format.table}: expected column {', '.join(missing)}, found {', '.join(table.c.keys())}"
            )
        watermark = table.c[file_format.watermark]
        start = datetime(business_date.year, business_date.month, business_date.day)
        order = [table.c[name] for name in file_format.order_by] or list(table.primary_key)
        query: Select[*tuple[Any, ...]] = select(*(cast(column, Text).label(column.name) for column in table.c))
        query = query.where(watermark < start + timedelta(days=1)).order_by(watermark, *order)
        self._query: Select[*tuple[Any, ...]] = query if is_first else query.where(watermark >= start)
        self.columns = list(table.c.keys())

    @property
    def rows(self) -> Rows:
        return Rows(self.columns, self._pieces)

    def digest(self) -> str:
        """SHA-256 of the rows; they are read for it."""
        digest = sha256("\x1f".join(self.columns).encode())
        for piece in self._pieces():
            for column in piece.rows.columns:
                for buffer in column.buffers():
                    digest.update(buffer or b"\x00")
        return digest.hexdigest()

    def _pieces(self) -> Iterator[Piece]:
        layout = schema(self.columns)
        line = 1
        result = self._connection.execution_options(yield_per=_BATCH_ROWS).execute(self._query)
        for part in result.partitions():
            columns = [pa.array(values, pa.string()) for values in zip(*part, strict=True)]
            head = [pa.array(range(line, line + len(part)), pa.int64()), pa.nulls(len(part), pa.string())]
            line += len(part)
            yield Piece(pa.RecordBatch.from_arrays([*head, *columns], schema=layout))


def describe(file_format: SqlFormat, business_date: date) -> str:
    """What stands for a file name in the ledger and in quarantine."""
    return f"{file_format.table} ({file_format.watermark} {business_date.isoformat()})"
