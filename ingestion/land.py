"""Landing: every delivery of a business date becomes typed Parquet, once.

Files are placed under their final names first (vault, quarantine, landing), the ledger row is written last: a killed
run leaves nothing that the next run does not replace.
"""

import fcntl
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import duckdb
from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import OperationalError

from ingestion.bank import Bank, DelimitedFormat, FixedWidthFormat, SqlFormat, TableDescription, XlsxFormat
from ingestion.batch import Batch, Counts, Progress, Sources, read_file
from ingestion.contract import Contract, contracts
from ingestion.control import check_content
from ingestion.empty import write_empty_contracts
from ingestion.inbox import Delivery, definition_digest, display_name, find_delivery
from ingestion.legal_basis import read_legal_basis
from ingestion.placing import placed, sweep, temporary
from ingestion.readers.embedded_postgres import running
from ingestion.readers.rows import Rows
from ingestion.readers.sql import SqlRows, describe, open_database
from qianmo.errors import ConfigurationError, DataRefusedError, ToolBrokenError
from qianmo.ledger import landing_batch, landing_reject, landing_version, now, put, rows, transaction

BATCH_DIGITS = 12
"""Hexadecimal digits of a batch's content that name it, in its id and in the files of superseded batches."""

__all__ = ["BATCH_DIGITS", "BatchResult", "complete", "export_ledger", "land", "write_empty_contracts"]


@dataclass(frozen=True)
class BatchResult:
    """What became of one delivery."""

    source: str
    table: str
    business_date: date
    status: Literal["landed", "unchanged", "refused"]
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    message: str | None = None


def land(
    bank: Bank,
    source: str,
    business_date: date,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
) -> list[BatchResult]:
    """Land the tables of a source for a business date; those neither due nor there are left out.

    Raises:
        ConfigurationError: the bank has no such source or table, or a mapping is no valid SQL.
        DataRefusedError: a batch was refused; every other table was tried before. One line per refusal.
        ToolBrokenError: the disk is full or a folder cannot be written; what had landed stays as it was.
    """
    if source not in bank.sources:
        raise ConfigurationError(f"bank {bank.name} has no source {source}; it has {', '.join(bank.sources)}")
    described = bank.sources[source].tables
    chosen = list(described if tables is None else tables)
    if unknown := [table for table in chosen if table not in described]:
        raise ConfigurationError(f"source {source} has no table {', '.join(unknown)}; it has {', '.join(described)}")
    results = []
    with _databases_kept_running(bank, [d for table in chosen for d in described[table]], business_date):
        for table in chosen:
            contract = contracts()[f"{source}.{table}"]
            with _told_when_not_written(bank, contract, business_date), _locked(bank, contract):
                result = _land_table(bank, contract, described[table], business_date, progress)
            if result:
                results.append(result)
                if progress:
                    progress(_line(result))
    if refused := [result for result in results if result.status == "refused"]:
        raise DataRefusedError(
            "\n".join(f"{r.source}.{r.table} {r.business_date} refused: {r.message}" for r in refused)
        )
    return results


def complete(bank: Bank, business_date: date) -> list[str]:
    """Names `source.table` of deliveries due on a business date that have not landed; empty when it is complete."""
    landed = {
        (row["source"], row["table_name"])
        for row in rows(bank.home, landing_batch, business_date=business_date.isoformat(), status="landed")
    }
    return [
        f"{source.source}.{table}"
        for source in bank.sources.values()
        for table, descriptions in source.tables.items()
        if any(description.due.is_due(business_date) for description in descriptions)
        and (source.source, table) not in landed
    ]


def export_ledger(bank: Bank) -> None:
    """Place `landing/_ledger/landing_batch.parquet` and `landing_reject.parquet` with the ledger's rows."""
    with duckdb.connect() as connection:
        for table in (landing_batch, landing_reject):
            kinds = {c.name: "bigint" if c.type.python_type is int else "varchar" for c in table.c}
            columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
            connection.execute(f"create table {table.name} ({columns})")
            if found := rows(bank.home, table):
                marks = ", ".join("?" for _ in kinds)
                connection.executemany(
                    f"insert into {table.name} values ({marks})", [list(row.values()) for row in found]
                )
            with placed(bank.home.landing / "_ledger" / f"{table.name}.parquet") as temporary:
                connection.execute(f"copy {table.name} to '{temporary}' (format parquet, compression zstd)")


def _line(result: BatchResult) -> str:
    name = f"{result.source}.{result.table} {result.business_date}: {result.status}"
    if result.status == "refused":
        return f"{name}: {result.message}"
    return f"{name}, {result.rows_in:,} in, {result.rows_landed:,} landed, {result.rows_quarantined:,} quarantined"


@contextmanager
def _databases_kept_running(bank: Bank, descriptions: list[TableDescription], business_date: date) -> Iterator[None]:
    """Start embedded databases once for all tables; one that does not start refuses its tables later."""
    formats = [d.format for d in descriptions if isinstance(d.format, SqlFormat) and not d.format.url]
    folders = {bank.resolve(f.embedded_postgres, business_date) for f in formats if f.embedded_postgres}
    with ExitStack() as stack:
        for folder in sorted(folders):
            with suppress(DataRefusedError):
                stack.enter_context(running(folder))
        yield


@contextmanager
def _told_when_not_written(bank: Bank, contract: Contract, business_date: date) -> Iterator[None]:
    """A full disk or a folder that may not be written is no fault of the data, and told as one sentence."""
    try:
        yield
    except (OSError, duckdb.Error, OperationalError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ToolBrokenError(
            f"{contract.name} {business_date}: expected to write below {bank.home.root}, found: {reason}. "
            "Nothing of it counts as landed. Make room or mend the folder, then land again"
        ) from None


@contextmanager
def _locked(bank: Bank, contract: Contract) -> Iterator[None]:
    """One process at a time lands a table; what a killed one left behind is removed."""
    folders = [
        root / contract.source / contract.table for root in (bank.home.landing, bank.home.vault, bank.home.quarantine)
    ]
    folders[0].mkdir(parents=True, exist_ok=True)
    with (folders[0] / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in folders:
            sweep(folder)
        shutil.rmtree(_workspace(bank, contract), ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(_workspace(bank, contract), ignore_errors=True)


def _workspace(bank: Bank, contract: Contract) -> Path:
    """Where DuckDB spills while a table is landed."""
    return bank.home.landing / contract.source / contract.table / ".workspace"


def _land_table(
    bank: Bank,
    contract: Contract,
    descriptions: list[TableDescription],
    business_date: date,
    progress: Progress | None,
) -> BatchResult | None:
    key = {"source": contract.source, "table_name": contract.table, "business_date": business_date.isoformat()}
    earlier = next(iter(rows(bank.home, landing_batch, **key)), None)
    _take_back(bank, contract, business_date, earlier)
    try:
        return _try_table(bank, contract, descriptions, business_date, progress, key, earlier)
    except DataRefusedError as error:
        return _refuse(bank, contract, business_date, key, earlier, str(error))


def _try_table(
    bank: Bank,
    contract: Contract,
    descriptions: list[TableDescription],
    business_date: date,
    progress: Progress | None,
    key: dict[str, str],
    earlier: dict[str, Any] | None,
) -> BatchResult | None:
    found = [find_delivery(bank, description, business_date) for description in descriptions]
    deliveries = [delivery for delivery in found if delivery]
    if not deliveries:
        return None
    if earlier and earlier["status"] != "landed":
        earlier = None
    landing_file = bank.home.landing / contract.source / contract.table / f"{business_date}.parquet"
    if earlier and not landing_file.is_file():
        earlier = None
    digests = [definition_digest(contract, deliveries), *(delivery.fingerprint for delivery in deliveries)]
    if earlier and all(delivery.fingerprint for delivery in deliveries) and earlier["content_sha256"] == _sha(digests):
        return _unchanged(bank, contract, business_date, earlier)
    where_described = f"{bank.folder / 'sources' / contract.source}.yml: tables.{contract.table}"
    with ExitStack() as stack:
        sources = [_sources(bank, contract, business_date, delivery, stack) for delivery in deliveries]
        digests += [digest for _, _, digest in sources]
        content = _sha(digest for digest in digests if digest)
        if earlier and earlier["content_sha256"] == content:
            return _unchanged(bank, contract, business_date, earlier)
        batch_id = f"{contract.name}.{business_date}.{content[:BATCH_DIGITS]}"
        files: list[str] = []
        batch = stack.enter_context(
            Batch(bank, contract, business_date, batch_id, _workspace(bank, contract), progress)
        )
        for delivery, (names, opened, _) in zip(deliveries, sources, strict=True):
            for name, lookup in delivery.description.lookups.items():
                batch.add_lookup(name, lookup, delivery.lookups[name])
            basis = read_legal_basis(delivery.legal_basis, business_date)
            count, amount_total = batch.add(delivery.description, opened, basis, where_described)
            delivery.check_unmoved()
            if delivery.control:
                check_content(delivery.control, ", ".join(names), count, amount_total)
            files += names
        batch.finish()
        for delivery in deliveries:
            delivery.check_unmoved()
        if earlier:
            _keep_superseded(bank, contract, business_date, earlier)
        mark = _placing_mark(bank, contract, business_date)
        mark.write_text(batch_id)
        counts = batch.place()
    _record(bank, contract, key, batch_id, content, files, counts)
    mark.unlink()
    return BatchResult(
        contract.source,
        contract.table,
        business_date,
        "landed",
        counts.rows_in,
        counts.rows_landed,
        counts.rows_quarantined,
    )


def _sources(
    bank: Bank, contract: Contract, business_date: date, delivery: Delivery, stack: ExitStack
) -> tuple[list[str], Sources, str]:
    """Names of a delivery's files or query, what opens them, and a digest where only reading shows the content."""
    file_format = delivery.description.format
    if isinstance(file_format, SqlFormat):
        embedded = file_format.embedded_postgres
        connection = stack.enter_context(
            open_database(file_format, bank.resolve(embedded, business_date) if embedded else None, bank.timezone)
        )
        first_date = min(
            (row["business_date"] for row in _landed_dates(bank, contract)), default=business_date.isoformat()
        )
        sql = SqlRows(connection, file_format, business_date, is_first=business_date.isoformat() <= first_date)
        name = describe(file_format, business_date)
        return [name], lambda: iter([(name, sql.rows)]), sql.digest()
    names = [display_name(bank, file) for file in delivery.files]
    opened = partial(_opened, names, delivery.files, file_format)
    return names, opened, ""


def _opened(
    names: list[str], files: list[Path], file_format: DelimitedFormat | FixedWidthFormat | XlsxFormat
) -> Iterator[tuple[str, Rows]]:
    """One file after the other, so that no more than one workbook is in memory."""
    for name, file in zip(names, files, strict=True):
        yield name, read_file(file, file_format)


def _placing_mark(bank: Bank, contract: Contract, business_date: date) -> Path:
    """Holds the batch id while its files are placed and the ledger does not know of them yet."""
    return bank.home.landing / contract.source / contract.table / f".{business_date}.placing"


def _take_back(bank: Bank, contract: Contract, business_date: date, earlier: dict[str, Any] | None) -> None:
    """Undo what a killed run placed without a ledger row: the files of the landed batch, or none, are there again.

    The next delivery need not be the one that was being placed: it may be refused, or the earlier one sent again.
    """
    mark = _placing_mark(bank, contract, business_date)
    if not mark.exists():
        return
    landed = earlier if earlier and earlier["status"] == "landed" else None
    if not (landed and landed["batch_id"] == mark.read_text()):
        for current, kept in _kept(bank, contract, business_date, landed["content_sha256"] if landed else ""):
            if landed and kept.exists():
                again = temporary(current)
                again.unlink(missing_ok=True)
                again.hardlink_to(kept)
                again.replace(current)
                # between two names of one file, rename does nothing
                again.unlink(missing_ok=True)
            else:
                current.unlink(missing_ok=True)
    mark.unlink()


def _kept(bank: Bank, contract: Contract, business_date: date, content: str) -> list[tuple[Path, Path]]:
    """Files of a date in vault, quarantine and landing, each with where a superseded batch keeps its own."""
    name = f"{content[:BATCH_DIGITS]}.parquet"
    table = Path(contract.source) / contract.table
    roots = [(bank.home.vault, bank.home.vault), (bank.home.quarantine, bank.home.quarantine)]
    roots.append((bank.home.landing, bank.home.superseded))
    return [
        (root / table / f"{business_date}.parquet", kept / table / str(business_date) / name) for root, kept in roots
    ]


def _keep_superseded(bank: Bank, contract: Contract, business_date: date, earlier: dict[str, Any]) -> None:
    """Give the files of the batch that is about to be replaced a second name, under its digest.

    The landed file comes last: once it is there, all are, and a killed run that already replaced some of them does
    not take those for the earlier ones.
    """
    *beside, (landed, kept) = _kept(bank, contract, business_date, earlier["content_sha256"])
    if kept.exists():
        return
    for current, copy in beside:
        copy.unlink(missing_ok=True)
        if current.exists():
            copy.parent.mkdir(exist_ok=True)
            copy.hardlink_to(current)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.hardlink_to(landed)


def _landed_dates(bank: Bank, contract: Contract) -> Iterable[dict[str, Any]]:
    return rows(bank.home, landing_batch, source=contract.source, table_name=contract.table, status="landed")


def _sha(digests: Iterable[str]) -> str:
    return sha256("".join(digests).encode()).hexdigest()


def _unchanged(bank: Bank, contract: Contract, business_date: date, earlier: dict[str, Any]) -> BatchResult:
    if earlier["message"]:
        with transaction(bank.home) as connection:
            put(connection, landing_batch, {**earlier, "message": None})
    return BatchResult(
        contract.source,
        contract.table,
        business_date,
        "unchanged",
        earlier["rows_in"],
        earlier["rows_landed"],
        earlier["rows_quarantined"],
    )


def _record(
    bank: Bank,
    contract: Contract,
    key: dict[str, str],
    batch_id: str,
    content: str,
    files: list[str],
    counts: Counts,
) -> None:
    batch = {
        "batch_id": batch_id,
        "contract_version": contract.version,
        "content_sha256": content,
        "files": json.dumps(files, ensure_ascii=False),
        "rows_in": counts.rows_in,
        "rows_landed": counts.rows_landed,
        "rows_quarantined": counts.rows_quarantined,
    }
    with transaction(bank.home) as connection:
        connection.execute(delete(landing_reject).filter_by(**key))
        put(connection, landing_batch, {**key, **batch, "status": "landed", "message": None})
        put(
            connection,
            landing_reject,
            *(
                {**key, "column_name": column, "reason": reason, "rows_rejected": rejected}
                for (column, reason), rejected in counts.rejects.items()
            ),
        )
        _put_version(connection, key, batch)


def _put_version(connection: Connection, key: dict[str, str], batch: dict[str, Any]) -> None:
    """The batch as the next version of its table and date, unless it is the last one landed again (a lost file)."""
    statement = select(landing_version).filter_by(**key).order_by(landing_version.c.version.desc()).limit(1)
    last = connection.execute(statement).mappings().first()
    at = now()
    number = 1
    if last:
        number = last["version"]
        if last["batch_id"] != batch["batch_id"]:
            put(connection, landing_version, {**last, "superseded_at": at, "superseded_by": batch["batch_id"]})
            number += 1
    put(connection, landing_version, {**key, **batch, "version": number, "landed_at": at})


def _refuse(
    bank: Bank,
    contract: Contract,
    business_date: date,
    key: dict[str, str],
    earlier: dict[str, Any] | None,
    message: str,
) -> BatchResult:
    """Record a refusal; a batch that landed earlier for the date stays, with the message beside it."""
    if earlier and earlier["status"] == "landed":
        row = {**earlier, "message": f"a later delivery was refused: {message}"}
    else:
        row = {**key, "status": "refused", "contract_version": contract.version, "message": message}
    with transaction(bank.home) as connection:
        put(connection, landing_batch, row)
    return BatchResult(contract.source, contract.table, business_date, "refused", 0, 0, 0, message)
