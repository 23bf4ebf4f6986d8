"""Landing: every delivery of a business date becomes typed Parquet, once.

Files are placed under their final names first (vault, quarantine, landing), the ledger row is written last: a killed
run leaves nothing that the next run does not replace.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import OperationalError

from ingestion.bank import Bank, DelimitedFormat, FixedWidthFormat, SqlFormat, TableDescription, XlsxFormat
from ingestion.batch import Batch, Counts, Progress, Sources, read_file
from ingestion.contract import Contract, contracts
from ingestion.control import check_content
from ingestion.empty import write_empty_contracts
from ingestion.extraction import Extraction, extract
from ingestion.inbox import Delivery, content_sha256, display_name, find_delivery
from ingestion.key_use import check_keys, record_key_use
from ingestion.legal_basis import read_legal_basis
from ingestion.placing import temporary
from ingestion.readers.embedded_postgres import running
from ingestion.readers.rows import Rows
from ingestion.table_lock import table_lock
from ingestion.telling import error_told
from qianmo.errors import ConfigurationError, DataRefusedError, ToolBrokenError
from qianmo.ledger import (
    landing_batch,
    landing_drift,
    landing_reject,
    landing_version,
    now,
    put,
    rows,
    transaction,
)

BATCH_DIGITS = 12
"""Hexadecimal digits of a batch's content that name it, in its id and in the files of superseded batches."""

__all__ = [
    "BATCH_DIGITS",
    "BatchResult",
    "complete",
    "land",
    "locked",
    "record_version",
    "workspace",
    "write_empty_contracts",
]


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
        ConfigurationError: the bank has no such source or table, a mapping is no valid SQL, or a key that the bank's
            files were made with is not set.
        DataRefusedError: a batch was refused; every other table was tried before. One line per refusal.
        ToolBrokenError: the disk is full or a folder cannot be written; what had landed stays as it was.
    """
    pa.set_memory_pool(pa.system_memory_pool())  # the default one spends two seconds on two million rows giving back
    if source not in bank.sources:
        raise ConfigurationError(f"bank {bank.name} has no source {source}; it has {', '.join(bank.sources)}")
    described = bank.sources[source].tables
    chosen = list(described if tables is None else tables)
    if unknown := [table for table in chosen if table not in described]:
        raise ConfigurationError(f"source {source} has no table {', '.join(unknown)}; it has {', '.join(described)}")
    check_keys(bank.home)
    results = []
    with _databases_kept_running(bank, [d for table in chosen for d in described[table]], business_date):
        for table in chosen:
            contract = contracts()[f"{source}.{table}"]
            with told_when_not_written(bank, contract, business_date), locked(bank, contract):
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
def told_when_not_written(bank: Bank, contract: Contract, business_date: date) -> Iterator[None]:
    """A full disk or a folder that may not be written is no fault of the data, and told as one sentence."""
    try:
        yield
    except (OSError, duckdb.Error, OperationalError) as error:
        reason = (
            error_told(error)
            if isinstance(error, duckdb.Error)
            else str(getattr(error, "orig", None) or error).splitlines()[0]
        )
        raise ToolBrokenError(
            f"{contract.name} {business_date}: expected to write below {bank.home.root}, found: {reason}. "
            "Nothing of it counts as landed. Make room or mend the folder, then land again"
        ) from None


@contextmanager
def locked(bank: Bank, contract: Contract) -> Iterator[None]:
    """One process at a time lands a table; what a killed one left behind is removed."""
    with table_lock(bank.home, contract.source, contract.table):
        shutil.rmtree(workspace(bank, contract), ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(workspace(bank, contract), ignore_errors=True)


def workspace(bank: Bank, contract: Contract) -> Path:
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
    are_files = all(delivery.digest for delivery in deliveries)
    if earlier and are_files and earlier["content_sha256"] == content_sha256(contract, deliveries, []):
        return _unchanged(bank, contract, business_date, earlier)
    where_described = f"{bank.folder / 'sources' / contract.source}.yml: tables.{contract.table}"
    with ExitStack() as stack:
        extracted: list[Extraction | None] = []
        for delivery in deliveries:
            extraction = None
            if isinstance(delivery.description.format, SqlFormat):
                # read before the batch is made, because its content names the batch
                extraction = extract(
                    bank,
                    contract,
                    delivery.description,
                    business_date,
                    earlier is not None,
                    workspace(bank, contract),
                    progress,
                )
                if extraction is None and earlier:
                    return _unchanged(bank, contract, business_date, earlier)
            extracted.append(stack.enter_context(closing(extraction)) if extraction else None)
        row_digests = [extraction.digest for extraction in extracted if extraction]

        @cache
        def content() -> str:
            return content_sha256(contract, deliveries, row_digests)

        def batch_id() -> str:
            return f"{contract.name}.{business_date}.{content()[:BATCH_DIGITS]}"

        if earlier and earlier["content_sha256"] == content():
            return _unchanged(bank, contract, business_date, earlier)
        files: list[str] = []
        batch = stack.enter_context(Batch(bank, contract, business_date, batch_id, workspace(bank, contract), progress))
        for delivery, extraction in zip(deliveries, extracted, strict=True):
            names, opened = _sources(bank, delivery, extraction)
            for name, lookup in delivery.description.lookups.items():
                batch.add_lookup(name, lookup, delivery.lookups[name])
            basis = read_legal_basis(delivery.legal_basis, business_date)
            try:
                count, amount_total = batch.add(delivery.description, opened, basis, where_described)
            except DataRefusedError:
                delivery.check_sha256()  # of a file that is not the one that was sent, this is what to say
                raise
            delivery.check_sha256()
            delivery.check_unmoved()
            if delivery.control:
                check_content(delivery.control, ", ".join(names), count, amount_total)
            if extraction:
                batch.add_deleted(extraction.deleted)
            files += names
        batch.finish()
        for delivery in deliveries:
            delivery.check_unmoved()
        if earlier:
            _keep_superseded(bank, contract, business_date, earlier)
        mark = _placing_mark(bank, contract, business_date)
        mark.write_text(batch_id())
        counts = batch.place()
        if counts.drift and progress:
            changes = ", ".join(f"{change} {column}" for column, change in counts.drift)
            progress(f"{contract.name} {business_date}: other columns than described: {changes}")
    known = iter(
        extraction.digest if extraction else delivery.unload_sha256
        for delivery, extraction in zip(deliveries, extracted, strict=True)
    )
    unloads = [next(known) if delivery else None for delivery in found]
    _record(bank, contract, key, batch_id(), content(), files, unloads, counts)
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


def _sources(bank: Bank, delivery: Delivery, extraction: Extraction | None) -> tuple[list[str], Sources]:
    """Names of a delivery's files or query, and what opens them."""
    if extraction:
        name, found = extraction.name, extraction.rows
        return [name], lambda: iter([(name, found)])
    file_format = delivery.description.format
    assert not isinstance(file_format, SqlFormat)  # noqa: S101  # those were extracted
    names = [display_name(bank, file) for file in delivery.files]
    return names, partial(_opened, bank, names, delivery.files, file_format)


def _opened(
    bank: Bank, names: list[str], files: list[Path], file_format: DelimitedFormat | FixedWidthFormat | XlsxFormat
) -> Iterator[tuple[str, Rows]]:
    """One file after the other, so that no more than one workbook is in memory."""
    for name, file in zip(names, files, strict=True):
        yield name, read_file(bank, file, file_format)


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
    unloads: list[str | None],
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
        record_key_use(connection)
        connection.execute(delete(landing_reject).filter_by(**key))
        put(
            connection,
            landing_batch,
            {**key, **batch, "unloads": json.dumps(unloads), "status": "landed", "message": None},
        )
        connection.execute(delete(landing_drift).filter_by(**key))
        put(
            connection,
            landing_drift,
            *({**key, "column_name": column, "change": change} for column, change in counts.drift),
        )
        put(
            connection,
            landing_reject,
            *(
                {**key, "column_name": column, "reason": reason, "rows_rejected": rejected}
                for (column, reason), rejected in counts.rejects.items()
            ),
        )
        record_version(connection, key, batch)


def record_version(connection: Connection, key: dict[str, str], batch: dict[str, Any]) -> None:
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
