"""Rows leave quarantine: tried again from their bytes, or with corrected values, and added to their landed batch.

They go through the same readers, mapping and legal basis as at landing, as a small batch in a scratch folder. What
passes is merged into the landed file in source order; what does not stays, with its new reason. The batch gets a new
id, so that its date is built again, and keeps the content it was delivered with, so that the same delivery is not
landed again.

Files are written under temporary names; the vault, landing and quarantine files are placed in this order, and the
ledger row is written last. So a row is never missing from both landing and quarantine, and a release that was killed
is completed by the next one.
"""

import getpass
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import delete

from ingestion.bank import Bank, SqlFormat, TableDescription
from ingestion.batch import Batch
from ingestion.contract import Contract, contracts
from ingestion.corrections import Corrections, corrected_record, read_corrections
from ingestion.encryption import encrypted_writer, read_encrypted
from ingestion.inbox import Delivery, content_sha256, landed_delivery
from ingestion.land import locked, record_version, told_when_not_written, workspace
from ingestion.legal_basis import read_legal_basis
from ingestion.mapping import literal, quoted
from ingestion.placing import place, temporary
from ingestion.quarantine import SCHEMA as QUARANTINE
from ingestion.quarantined import QuarantinedRow, description_of, nothing_quarantined, split_name
from ingestion.readers.header import Header, absent_columns, described_columns
from ingestion.readers.records import columns_of, of_fields, split_records
from ingestion.readers.rows import Piece, Rows
from ingestion.streaming import landed_connection
from ingestion.surrogate import SURROGATE_KEY_ID, surrogate_key_id
from ingestion.vault import SCHEMA as VAULT
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import BankHome
from qianmo.ledger import landing_batch, landing_reject, put, quarantine_release, rows, transaction

_ABOUT = ["source_row", "file", "column", "reason", "fields"]
"""What is held of every row in quarantine; the bytes are read when they are tried."""

_VERSION = (
    "batch_id", "contract_version", "content_sha256", "files", "rows_in", "rows_landed", "rows_quarantined",
)  # fmt: skip
"""What the ledger keeps of every version of a batch."""

_FAULTS = pa.schema([("source_row", pa.int64()), ("column", pa.string()), ("reason", pa.string())])


@dataclass(frozen=True)
class Release:
    """What became of the rows that were tried."""

    source: str
    table: str
    business_date: date
    rows_released: int
    rows_left_out: int
    """Outside the description's `where` as it is now: no part of the table."""
    rows_landed_before: int
    """Rows of the corrected file that are in quarantine no more; they were left alone."""
    kept: dict[tuple[str, str], int]
    """(column, reason) to rows that were tried and stay."""


@dataclass(frozen=True)
class _Trial:
    """Rows that are read in one way: by one description, with one set of columns."""

    description: TableDescription
    delivery: Delivery
    numbers: pa.Array
    """Their places in the batch, in the order in which they are tried."""
    rows: Rows


def release(
    bank: Bank, name: str, business_date: date, reason: str | None = None, corrected: Path | None = None
) -> Release:
    """Try the quarantined rows of `<source>.<table>` again: all, those of a reason, or those of a corrected file.

    Raises:
        ConfigurationError: there is no such table or no such row, or the corrected file is at fault.
        DataRefusedError: only landing the delivery again helps; the message says why.
        ToolBrokenError: the disk is full or a folder cannot be written.
    """
    source, table = split_name(bank, name)
    corrections = read_corrections(corrected) if corrected else None
    with told_when_not_written(bank, contracts()[name], business_date), locked(bank, contracts()[name]):
        return _Releasing(bank, contracts()[name], source, table, business_date, reason, corrections).run()


class _Releasing:
    """One release, made while the table is locked."""

    def __init__(
        self,
        bank: Bank,
        contract: Contract,
        source: str,
        table: str,
        business_date: date,
        reason: str | None,
        corrections: Corrections | None,
    ) -> None:
        self._bank = bank
        self._contract = contract
        self._date = business_date
        self._reason = reason
        self._corrections = corrections
        self._described = bank.sources[source].tables[table]
        self._key = {"source": source, "table_name": table, "business_date": business_date.isoformat()}
        self._workspace = workspace(bank, contract)
        self._scratch = BankHome(self._workspace / "released")
        name = Path(source) / table / f"{business_date}.parquet"
        self._landing, self._vault, self._quarantine = _files(bank.home, name)
        self._new_landing, self._new_vault, self._new_quarantine = _files(self._scratch, name)

    def run(self) -> Release:
        earlier = self._earlier()
        held = self._held()
        placed_id = self._placed_batch_id(earlier, held)
        waiting = held.filter(pc.invert(pc.is_in(held["source_row"], self._landed_of(held["source_row"]))))
        chosen, landed_before = self._chosen(waiting)
        if not chosen.num_rows and placed_id == earlier["batch_id"]:
            if landed_before:
                return self._release(0, 0, landed_before, _FAULTS.empty_table())
            raise nothing_quarantined(self._bank, self._contract.source, self._contract.table, self._date, self._reason)
        unloads = self._unloads(earlier)
        batch_id = _next(placed_id)
        with ExitStack() as stack:
            for file in (self._vault, self._landing, self._quarantine):
                stack.callback(temporary(file).unlink, missing_ok=True)
            numbers, passed, faults = self._try(chosen, unloads, batch_id)
            if len(passed):
                repeated = self._merge(numbers, batch_id)
                passed = passed.filter(pc.invert(pc.is_in(passed, repeated)))
                faults = pa.concat_tables([faults, self._repeated(repeated)])
            left_out = len(numbers) - len(passed) - faults.num_rows
            gone = pc.and_(
                pc.is_in(waiting["source_row"], numbers),
                pc.invert(pc.is_in(waiting["source_row"], faults["source_row"])),
            )
            stay = waiting["source_row"].filter(pc.invert(gone))
            self._rewrite_quarantine(stay, faults)
            if len(passed):
                self._merge_vault()
                if temporary(self._vault).exists():
                    place(self._vault)
                place(self._landing)
            if len(stay):
                place(self._quarantine)
            else:
                self._quarantine.unlink(missing_ok=True)
        return self._record(earlier, unloads, batch_id if len(passed) else placed_id, left_out, landed_before, faults)

    def _earlier(self) -> dict[str, Any]:
        earlier = next(iter(rows(self._bank.home, landing_batch, **self._key, status="landed")), None)
        if earlier is None:
            raise nothing_quarantined(self._bank, self._contract.source, self._contract.table, self._date, self._reason)
        return earlier

    def _held(self) -> pa.Table:
        """What is known of the rows in quarantine, in the order of the file."""
        layout = pa.schema([QUARANTINE.field(name) for name in _ABOUT])
        batches = read_encrypted(self._quarantine, _ABOUT) if self._quarantine.exists() else []
        return pa.Table.from_batches([batch.select(_ABOUT).cast(layout) for batch in batches], layout)

    def _placed_batch_id(self, earlier: dict[str, Any], held: pa.Table) -> str:
        """The batch that the landed file holds: the ledger's, or that of a release which was cut off.

        Raises:
            DataRefusedError: a landing was cut off, and only landing can complete it.
        """
        known = str(earlier["batch_id"])
        again = f"run `qianmo land --source {self._contract.source} --date {self._date}` first"
        if not self._landing.is_file():
            raise DataRefusedError(f"{self._landing}: expected the landed batch {known}, found no file; {again}")
        with landed_connection(self._workspace) as connection:
            found = connection.execute("select max(batch_id) from read_parquet(?)", [str(self._landing)]).fetchall()
        placed_id = str(found[0][0] or known)
        stem, number = _numbered(placed_id)
        if stem != _numbered(known)[0] or number < _numbered(known)[1]:
            raise DataRefusedError(f"{self._landing}: expected batch {known}, found {placed_id}; {again}")
        counted = Counter(zip(held["column"].to_pylist(), held["reason"].to_pylist(), strict=True))
        in_ledger = {
            (row["column_name"], row["reason"]): row["rows_rejected"]
            for row in rows(self._bank.home, landing_reject, **self._key)
        }
        if placed_id == known and dict(counted) != in_ledger:
            raise DataRefusedError(
                f"{self._quarantine}: expected {sum(in_ledger.values())} rows of batch {known}, found other rows"
                f" ({held.num_rows}); {again}"
            )
        return placed_id

    def _landed_of(self, numbers: pa.ChunkedArray) -> pa.ChunkedArray:
        """Those of the row numbers that have landed."""
        with landed_connection(self._workspace) as connection:
            connection.register("numbers", pa.table({"source_row": numbers}))
            return connection.execute(
                "select source_row from read_parquet(?) semi join numbers using (source_row)", [str(self._landing)]
            ).to_arrow_table()["source_row"]

    def _chosen(self, waiting: pa.Table) -> tuple[pa.Table, int]:
        """The rows to try, and how many rows of the corrected file have landed before."""
        chosen = waiting.filter(pc.equal(waiting["reason"], self._reason)) if self._reason else waiting
        if self._corrections is None:
            return chosen, 0
        asked = pa.chunked_array([pa.array(list(self._corrections.rows), pa.int64())])
        absent = asked.filter(pc.invert(pc.is_in(asked, waiting["source_row"])))
        landed = self._landed_of(absent)
        if unknown := absent.filter(pc.invert(pc.is_in(absent, landed))).to_pylist():
            raise ConfigurationError(
                f"{self._corrections.path}: expected rows that are in quarantine, found source_row"
                f" {', '.join(str(number) for number in unknown)}, which are not"
            )
        return chosen.filter(pc.is_in(chosen["source_row"], asked)), len(landed)

    def _unloads(self, earlier: dict[str, Any]) -> list[str | None]:
        """What was delivered for each description; unknown where the descriptions were others."""
        unloads: list[str | None] = json.loads(earlier["unloads"] or "[]")
        return unloads if len(unloads) == len(self._described) else [""] * len(self._described)

    def _delivery(self, description: TableDescription, unloads: list[str | None]) -> Delivery:
        unload = "" if isinstance(description.format, SqlFormat) else unloads[self._described.index(description)]
        return landed_delivery(self._bank, description, self._date, unload or "")

    def _trials(self, chosen: pa.Table, unloads: list[str | None]) -> Iterator[_Trial]:
        """The rows to try, those that are read in the same way together, in the order of the descriptions."""
        ways = chosen.group_by(["file", "fields"], use_threads=False).aggregate([]).to_pylist()
        read_by = {
            way["file"]: description_of(
                self._bank, self._contract.source, self._contract.table, way["file"], self._date
            )
            for way in ways
        }
        for description in self._described:
            delivery: Delivery | None = None
            for way in ways:
                if read_by[way["file"]] is not description:
                    continue
                delivery = delivery or self._delivery(description, unloads)
                alike = pc.and_(pc.equal(chosen["file"], way["file"]), pc.equal(chosen["fields"], way["fields"]))
                mine = chosen.filter(alike)["source_row"].combine_chunks()
                fields = json.loads(way["fields"])
                columns = columns_of(description.format, fields)
                header = Header(absent_columns(described_columns(description.format), columns))
                if self._corrections:
                    for numbers, pieces in self._corrected(description, columns, fields, mine, self._corrections):
                        yield _Trial(description, delivery, numbers, Rows(columns, pieces, header))
                else:
                    pieces = partial(self._pieces, description, columns, mine, {})
                    yield _Trial(description, delivery, mine, Rows(columns, pieces, header))

    def _corrected(
        self,
        description: TableDescription,
        columns: list[str],
        fields: list[str],
        numbers: pa.Array,
        corrections: Corrections,
    ) -> Iterator[tuple[pa.Array, Any]]:
        """Corrected rows: those given as bytes, and those given by their fields."""
        instead: dict[int, bytes] = {}
        values: dict[int, list[str]] = {}
        for number, raw in self._raw(numbers):
            row = QuarantinedRow(number, "", 0, "", "", 0, fields, raw)
            match corrected_record(row, description.format, corrections):
                case bytes() as record:
                    instead[number] = record
                case list() as given:
                    values[number] = given
        if instead:
            some = pa.array(list(instead), pa.int64())
            yield some, partial(self._pieces, description, columns, some, instead)
        if values:
            by_column = [pa.array(column, pa.string()) for column in zip(*values.values(), strict=True)]
            piece = Piece(of_fields(by_column, description.format, columns))
            yield pa.array(list(values), pa.int64()), lambda: iter([piece])

    def _raw(self, numbers: pa.Array) -> Iterator[tuple[int, bytes]]:
        for batch in read_encrypted(self._quarantine, ["source_row", "raw"]):
            some = batch.filter(pc.is_in(batch["source_row"], numbers))
            yield from zip(some["source_row"].to_pylist(), some["raw"].to_pylist(), strict=True)

    def _pieces(
        self, description: TableDescription, columns: list[str], numbers: pa.Array, instead: dict[int, bytes]
    ) -> Iterator[Piece]:
        for batch in read_encrypted(self._quarantine, ["source_row", "raw"]):
            some = batch.filter(pc.is_in(batch["source_row"], numbers))
            if not some.num_rows:
                continue
            records = some["raw"].to_pylist()
            if instead:
                records = [instead[number] for number in some["source_row"].to_pylist()]
            yield Piece(split_records(records, description.format, columns), partial(pa.array, records, pa.binary()))

    def _try(self, chosen: pa.Table, unloads: list[str | None], batch_id: str) -> tuple[pa.Array, pa.Array, pa.Table]:
        """Land the rows in the scratch folder: numbers tried, those that passed, and the faults of the others."""
        where_described = f"{self._bank.folder / 'sources' / self._contract.source}.yml: tables.{self._contract.table}"
        aside = replace(self._bank, home=self._scratch)
        tried = [pa.array([], pa.int64())]
        with Batch(aside, self._contract, self._date, lambda: batch_id, self._workspace, None) as batch:
            known: TableDescription | None = None
            for trial in self._trials(chosen, unloads):
                if trial.description is not known:
                    for name, lookup in trial.description.lookups.items():
                        batch.add_lookup(name, lookup, trial.delivery.lookups[name])
                known = trial.description
                basis = read_legal_basis(trial.delivery.legal_basis, self._date)
                opened = partial(_one, self._contract.name, trial.rows)
                batch.add(trial.description, opened, basis, where_described)
                tried.append(trial.numbers)
            batch.finish()
            batch.place()
        numbers = pa.concat_arrays(tried)
        landed = pq.read_table(self._new_landing, columns=["source_row"])["source_row"].combine_chunks()
        passed = numbers.take(pc.subtract(landed, 1))
        batches = read_encrypted(self._new_quarantine) if self._new_quarantine.exists() else []
        names = ["source_row", "column", "reason"]
        rejected = pa.Table.from_batches([found.select(names).cast(_FAULTS) for found in batches], _FAULTS)
        places = numbers.take(pc.subtract(rejected["source_row"].combine_chunks(), 1))
        return numbers, passed, rejected.set_column(0, "source_row", places)

    def _merge(self, numbers: pa.Array, batch_id: str) -> pa.ChunkedArray:
        """Write the landed rows and those that passed as one file; returns those whose key has landed before."""
        names = list(self._contract.landed_columns())
        landed, new = (f"read_parquet({literal(str(file))})" for file in (self._landing, self._new_landing))
        numbered = (
            f"(select new.* replace (number as source_row) from {new} as new join numbered on place = source_row)"
        )
        same = " and ".join(
            f"landed.{quoted(name)} is not distinct from new.{quoted(name)}" for name in self._contract.landed_key()
        )
        with landed_connection(self._workspace) as connection:
            found, wanted = (
                {str(row[0]): str(row[1]) for row in connection.execute(f"describe select * from {file}").fetchall()}
                for file in (landed, new)
            )
            if other := [name for name in found if found[name] != wanted.get(name)]:
                raise DataRefusedError(
                    f"{self._landing}: expected columns as in contract {self._contract.name} version"
                    f" {self._contract.version}, found {', '.join(other)} as in an earlier one; have the delivery sent"
                    " again and land it"
                )
            connection.register("numbered", pa.table({"place": np.arange(1, len(numbers) + 1), "number": numbers}))
            connection.execute(
                f"create temp table repeated as select source_row from {numbered} as new"
                f" where exists (select 1 from {landed} as landed where {same})"
            )
            # what the footer says of a landed batch is written by the batch of the released rows
            stated = pq.read_metadata(self._new_landing).metadata or {}
            about = ", ".join(f"{k.decode()}: {literal(v.decode())}" for k, v in stated.items() if k != b"ARROW:schema")
            connection.execute(
                f"copy (select {', '.join(quoted(name) for name in names)} from ("
                f"select * replace ({literal(batch_id)} as batch_id) from {landed} union all by name"
                f" select * from {numbered} where source_row not in (select source_row from repeated))"
                f" order by source_row) to {literal(str(temporary(self._landing)))} (format parquet, compression zstd,"
                f" kv_metadata {{{about}}})"
            )
            repeated: pa.ChunkedArray = connection.execute("from repeated").to_arrow_table()["source_row"]
        return repeated

    def _repeated(self, numbers: pa.ChunkedArray) -> pa.Table:
        """The fault of rows whose key has landed."""
        fault = [pa.repeat(text, len(numbers)) for text in (",".join(self._contract.key), "duplicate_key")]
        return pa.Table.from_arrays([numbers, *fault], schema=_FAULTS)

    def _rewrite_quarantine(self, stay: pa.ChunkedArray, faults: pa.Table) -> None:
        """Write the rows that stay, with their bytes as they are and the reasons that were found now."""
        version = pa.scalar(self._contract.version, pa.int32())
        with encrypted_writer(temporary(self._quarantine), QUARANTINE) as writer:
            for batch in read_encrypted(self._quarantine) if self._quarantine.exists() else []:
                rows_left = pa.Table.from_batches([batch]).filter(pc.is_in(batch["source_row"], stay))
                at = pc.index_in(rows_left["source_row"], faults["source_row"])
                again = pc.is_valid(at)
                for name in ("column", "reason"):
                    new = pc.coalesce(faults[name].combine_chunks().take(at), rows_left[name])
                    rows_left = rows_left.set_column(rows_left.column_names.index(name), name, new)
                versions = pc.if_else(again, version, rows_left["contract_version"])
                at_version = rows_left.column_names.index("contract_version")
                rows_left = rows_left.set_column(at_version, "contract_version", versions)
                if rows_left.num_rows:
                    writer.write_table(rows_left.select(QUARANTINE.names).cast(QUARANTINE))

    def _merge_vault(self) -> None:
        """Write the vault file with the values of the released rows added, each once."""
        if not self._new_vault.exists():
            return
        new = pa.Table.from_batches(read_encrypted(self._new_vault), VAULT)
        known = [pa.array([], pa.string())]
        with encrypted_writer(temporary(self._vault), VAULT, {SURROGATE_KEY_ID: surrogate_key_id()}) as writer:
            for batch in read_encrypted(self._vault) if self._vault.exists() else []:
                known.append(batch["key"].filter(pc.is_in(batch["key"], new["key"])))
                writer.write_batch(batch)
            added = new.filter(pc.invert(pc.is_in(new["key"], pa.chunked_array(known))))
            if added.num_rows:
                writer.write_table(added)

    def _record(
        self,
        earlier: dict[str, Any],
        unloads: list[str | None],
        batch_id: str,
        left_out: int,
        landed_before: int,
        faults: pa.Table,
    ) -> Release:
        held = self._held()
        rejects = Counter(zip(held["column"].to_pylist(), held["reason"].to_pylist(), strict=True))
        rows_landed = pq.read_metadata(self._landing).num_rows
        released = rows_landed - earlier["rows_landed"]
        changed = {
            "batch_id": batch_id,
            "rows_in": rows_landed + held.num_rows,
            "rows_landed": rows_landed,
            "rows_quarantined": held.num_rows,
        }
        if released:
            # the same delivery, read as it is described today, is what has landed now
            changed |= {
                "contract_version": self._contract.version,
                "content_sha256": self._content(unloads) or earlier["content_sha256"],
            }
        batch = {name: value for name, value in earlier.items() if name != "recorded_at"} | changed
        result = self._release(released, left_out, landed_before, faults)
        with transaction(self._bank.home) as connection:
            connection.execute(delete(landing_reject).filter_by(**self._key))
            put(connection, landing_batch, batch)
            put(
                connection,
                landing_reject,
                *(
                    {**self._key, "column_name": column, "reason": reason, "rows_rejected": count}
                    for (column, reason), count in sorted(rejects.items())
                ),
            )
            put(
                connection,
                quarantine_release,
                {
                    **self._key,
                    "batch_id": batch_id,
                    "contract_version": self._contract.version,
                    "reason": self._reason,
                    "corrections": self._corrections.path.name if self._corrections else None,
                    "rows_released": released,
                    "rows_kept": faults.num_rows,
                    "rows_left_out": left_out,
                    "released_by": getpass.getuser(),
                },
            )
            if released:
                record_version(connection, self._key, {name: batch[name] for name in _VERSION})
        return result

    def _content(self, unloads: list[str | None]) -> str | None:
        """The content that landing would find in the same delivery today; None where it is not known any more."""
        if "" in unloads:
            return None
        there = [(one, unload) for one, unload in zip(self._described, unloads, strict=True) if unload]
        return content_sha256(
            self._contract,
            [self._delivery(description, unloads) for description, _ in there],
            [unload for description, unload in there if isinstance(description.format, SqlFormat)],
        )

    def _release(self, released: int, left_out: int, landed_before: int, faults: pa.Table) -> Release:
        kept = Counter(zip(faults["column"].to_pylist(), faults["reason"].to_pylist(), strict=True))
        return Release(
            self._contract.source,
            self._contract.table,
            self._date,
            released,
            left_out,
            landed_before,
            dict(sorted(kept.items())),
        )


def _files(home: BankHome, name: Path) -> tuple[Path, Path, Path]:
    return home.landing / name, home.vault / name, home.quarantine / name


def _one(name: str, rows_of_trial: Rows) -> Iterator[tuple[str, Rows]]:
    yield name, rows_of_trial


def _numbered(batch_id: str) -> tuple[str, int]:
    """A batch id without the number of its release, and that number: 0 as landed."""
    stem, mark, number = batch_id.rpartition(".r")
    return (stem, int(number)) if mark and number.isdecimal() else (batch_id, 0)


def _next(batch_id: str) -> str:
    stem, number = _numbered(batch_id)
    return f"{stem}.r{number + 1}"
