"""Publication: an immutable, versioned copy of schema `marts`, and the pointer that says which one is read.

Nobody reads the file that dbt writes. A publication is made in an order that survives a kill at any point:
the file is written under a temporary name, made read-only and renamed to its final name; then the ledger
row; then the pointer `current.json`. A repetition finds what is already there and does only what is missing.
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import duckdb

from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import BankHome

MARTS = "marts"
REVIEW = "review"
"""Schema of views over the marts without contact columns, for risk and compliance (domain.md, section 1)."""
LAYOUT = "1"
"""Part of the digest: raise it when a publication of the same marts is to look different."""
KEPT_VERSIONS = 10
"""Files kept for roll-back; at scale 1.0 a version is of the order of a gigabyte."""
DIGEST_DECIMALS = 6
"""Doubles are rounded so far in the digest: the last bits of a parallel sum are not content."""


@dataclass(frozen=True)
class Publication:
    """One published version."""

    version: str
    """`<business date>-<first 8 of the content digest>`"""
    file: str
    """Name of the file in the bank's `published` folder."""
    business_date: str
    published_at: str
    """Instant of the ledger row, UTC, ISO 8601."""


def pointer_file(home: BankHome) -> Path:
    """`current.json`: the version that is read now, and the versions withdrawn by a roll-back."""
    return home.published / "current.json"


def current_publication(bank: Bank) -> Publication | None:
    """The version that is read now; None before the first publication."""
    pointer = _read_pointer(bank.home)
    return pointer[0] if pointer else None


def current(bank: Bank) -> Path:
    """Path of the DuckDB file that is read now.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    publication = current_publication(bank)
    if publication is None:
        raise ConfigurationError(
            f"nothing is published for bank {bank.name} in {bank.home.published}: run `qianmo run --date <date>` first"
        )
    return bank.home.published / publication.file


def versions(bank: Bank) -> list[Publication]:
    """Every version whose file is still kept, oldest file first."""
    kept = [_of_row(row) for row in ledger.rows(bank.home, ledger.publication)]
    written = {path.name: path.stat().st_mtime_ns for path in bank.home.published.glob("marts-*.duckdb")}
    return sorted((one for one in kept if one.file in written), key=lambda one: written[one.file])


def publish(bank: Bank, business_date: date, kept: int = KEPT_VERSIONS) -> Publication:
    """Publish schema `marts` of the warehouse as of a business date; the same content again does nothing.

    The pointer moves only forward in business date, and never onto a version withdrawn by `roll_back`.

    Raises:
        DataRefusedError: the warehouse or its marts are missing.
    """
    home = bank.home
    with _alone(home):
        for leftover in home.published.glob(".marts-*"):
            leftover.unlink()
        if not home.warehouse.exists():
            raise DataRefusedError(f"no warehouse at {home.warehouse}: run `qianmo build --date {business_date}` first")
        with duckdb.connect() as connection:
            connection.execute(f"attach '{home.warehouse}' as warehouse (read_only)")
            digest = content_digest(connection, "warehouse", MARTS)
            version = f"{business_date.isoformat()}-{digest[:8]}"
            target = home.published / f"marts-{version}.duckdb"
            if not target.exists():
                _write(connection, target)
        recorded = ledger.rows(home, ledger.publication, version=version)
        if not recorded:
            with ledger.transaction(home) as transaction:
                ledger.put(
                    transaction,
                    ledger.publication,
                    {
                        "version": version,
                        "business_date": business_date.isoformat(),
                        "file_name": target.name,
                        "content_digest": digest,
                    },
                )
            recorded = ledger.rows(home, ledger.publication, version=version)
        publication = _of_row(recorded[0])
        now_read, withdrawn = _read_pointer(home) or (None, [])
        moves_forward = now_read is None or publication.business_date >= now_read.business_date
        if publication != now_read and moves_forward and version not in withdrawn:
            _write_pointer(home, publication, withdrawn)
        _expire(bank, kept)
        return publication


def roll_back(bank: Bank, version: str) -> Publication:
    """Point at an earlier version again and withdraw the one read now, so that a repeated step leaves it withdrawn.

    Raises:
        ConfigurationError: no kept version has that name.
    """
    with _alone(bank.home):
        kept = {publication.version: publication for publication in versions(bank)}
        if version not in kept:
            names = ", ".join(kept) or "none"
            raise ConfigurationError(f"no version {version} in {bank.home.published}; kept versions: {names}")
        now_read, withdrawn = _read_pointer(bank.home) or (None, [])
        if now_read is not None and now_read.version != version:
            withdrawn = [*withdrawn, now_read.version]
        _write_pointer(bank.home, kept[version], [name for name in withdrawn if name != version])
        return kept[version]


def content_digest(
    connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, without: Collection[str] = ()
) -> str:
    """SHA-256 over every table's name, columns, types and rows, whatever the order of the rows, and every view's text.

    `without` names tables that are left out: two banks with the same data have other times of approval.

    Raises:
        DataRefusedError: the schema holds no table.
    """
    digest = sha256(LAYOUT.encode())
    tables = [table for table in _tables(connection, catalog, schema) if table not in without]
    if not tables:
        raise DataRefusedError(f"schema {schema} of the warehouse holds no table: run `qianmo build` first")
    if views := _views(connection, catalog, schema):
        digest.update(json.dumps(views).encode())
    for table in tables:
        columns = connection.execute(
            "select column_name, data_type from duckdb_columns()"
            " where database_name = ? and schema_name = ? and table_name = ? order by column_index",
            [catalog, schema, table],
        ).fetchall()
        values = ", ".join(
            f'round("{name}", {DIGEST_DECIMALS})' if kind in ("DOUBLE", "FLOAT") else f'"{name}"'
            for name, kind in columns
        )
        content = connection.execute(
            f"select count(*), sum(h::hugeint), bit_xor(h)"
            f' from (select hash({values}) as h from "{catalog}"."{schema}"."{table}")'
        ).fetchone()
        digest.update(json.dumps([table, columns, [str(part) for part in content or ()]]).encode())
    return digest.hexdigest()


def review_name(table: str) -> str:
    """Name of the view in schema `review` over a mart: Superset wants table names unique across schemas."""
    return "review_" + table.removeprefix("mart_")


def contact_columns(columns: list[str]) -> list[str]:
    """Columns that risk and compliance do not see: phone numbers, even masked."""
    return [column for column in columns if "phone" in column]


def _tables(connection: duckdb.DuckDBPyConnection, catalog: str, schema: str) -> list[str]:
    rows = connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = ? order by 1",
        [catalog, schema],
    ).fetchall()
    return [row[0] for row in rows]


def _views(connection: duckdb.DuckDBPyConnection, catalog: str, schema: str) -> dict[str, str]:
    """Statements that make the schema's views, by name.

    A mart that is a view reads tables of the marts alone and names them without a catalog, so its text holds in any
    file: it is published as it is and worked out when it is read.
    """
    rows = connection.execute(
        "select view_name, sql from duckdb_views()"
        " where database_name = ? and schema_name = ? and not internal order by 1",
        [catalog, schema],
    ).fetchall()
    return dict(rows)


def _write(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Copy the marts into a new file and place it, complete and read-only, under its final name."""
    temporary = target.with_name(f".{target.name}")
    connection.execute(f"attach '{temporary}' as published")
    connection.execute(f"create schema published.{MARTS}")
    connection.execute(f"create schema published.{REVIEW}")
    tables = _tables(connection, "warehouse", MARTS)
    views = _views(connection, "warehouse", MARTS)
    for table in tables:
        connection.execute(f'create table published.{MARTS}."{table}" as from warehouse.{MARTS}."{table}"')
    # A view stores its text: inside the file the catalog has the file's own name, so none is given.
    connection.execute("use published")
    for statement in views.values():
        connection.execute(statement)
    for table in [*tables, *views]:
        names = [row[0] for row in connection.execute(f'describe {MARTS}."{table}"').fetchall()]
        if hidden := contact_columns(names):
            view = f'{REVIEW}."{review_name(table)}"'
            connection.execute(f'create view {view} as select * exclude ({", ".join(hidden)}) from {MARTS}."{table}"')
    connection.execute("use memory")
    connection.execute("checkpoint published")
    connection.execute("detach published")
    temporary.chmod(0o444)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(target)


def _expire(bank: Bank, kept: int) -> None:
    """Remove the oldest files beyond `kept`; never the one that is read. Open readers keep their file."""
    now_read = current_publication(bank)
    for publication in versions(bank)[:-kept]:
        if now_read is None or publication.version != now_read.version:
            (bank.home.published / publication.file).unlink()


def _of_row(row: dict[str, str]) -> Publication:
    return Publication(row["version"], row["file_name"], row["business_date"], row["recorded_at"])


def _read_pointer(home: BankHome) -> tuple[Publication, list[str]] | None:
    path = pointer_file(home)
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    withdrawn = content.pop("withdrawn", [])
    return Publication(**content), withdrawn


def _write_pointer(home: BankHome, publication: Publication, withdrawn: list[str]) -> None:
    path = pointer_file(home)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump({**asdict(publication), "withdrawn": withdrawn}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _alone(home: BankHome) -> Iterator[None]:
    """One publisher per bank at a time; the operating system frees the lock when a process is killed."""
    home.published.mkdir(parents=True, exist_ok=True)
    with (home.published / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
