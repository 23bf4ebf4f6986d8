"""One batch on its way to landing: source rows are mapped, checked, parted into landed and rejected, and written.

Rows stream through in groups of bounded size and keep their source order. Raw identifiers are in memory for as long as
their group; they leave it for the vault alone. What is written stays under temporary names until `place`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from json import dumps
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.bank import Bank, DelimitedFormat, FixedWidthFormat, Lookup, TableDescription, XlsxFormat
from ingestion.contract import LEGAL_BASIS_COLUMNS, TECHNICAL_COLUMNS, Column, Contract, VaultKind
from ingestion.encryption import encrypted_writer
from ingestion.legal_basis import LegalBasis
from ingestion.mapping import Mapping, literal, mapped_columns, quoted, source_column
from ingestion.placing import place, temporary
from ingestion.quarantine import SCHEMA as QUARANTINE
from ingestion.readers.delimited import read_delimited
from ingestion.readers.fixed_width import read_fixed_width
from ingestion.readers.header import Header
from ingestion.readers.named import name_parts, recipient_passwords, with_parts
from ingestion.readers.rows import Piece, Rows
from ingestion.readers.xlsx import read_xlsx
from ingestion.streaming import ParquetStream, ahead, landed_connection
from ingestion.surrogate import SURROGATE_KEY_ID, define, derived, normalised, surrogate_key_id
from ingestion.telling import error_told, header_told
from ingestion.vault import SCHEMA as VAULT
from qianmo.errors import ConfigurationError, DataRefusedError, ToolBrokenError
from qianmo.settings import keys

_BASIS = pa.schema(
    [(name, pa.date32() if kind == "date" else pa.string()) for name, kind in LEGAL_BASIS_COLUMNS.items()]
)
_MEMORY_LIMIT = "2GiB"
_GROUP_BYTES = 16 << 20
_PROGRESS_ROWS = 1_000_000

Progress = Callable[[str], None]
Sources = Callable[[], Iterator[tuple[str, Rows]]]
"""Opens the files or queries of one description, one after the other: name for people, rows."""


def read_file(bank: Bank, path: Path, file_format: DelimitedFormat | FixedWidthFormat | XlsxFormat) -> Rows:
    """Rows of a file by its format."""
    match file_format:
        case DelimitedFormat():
            return read_delimited(path, file_format)
        case FixedWidthFormat():
            return read_fixed_width(path, file_format)
        case XlsxFormat():
            parts = name_parts(path, file_format)
            passwords = recipient_passwords(bank.name, parts) if file_format.recipient_password else []
            return with_parts(read_xlsx(path, file_format, passwords), parts)


@dataclass(frozen=True)
class Counts:
    """rows_in = rows_landed + rows_quarantined."""

    rows_in: int
    rows_landed: int
    rows_quarantined: int
    rejects: dict[tuple[str, str], int]
    """(column, reason) to rows."""
    drift: list[tuple[str, str]]
    """(column of the source, added | removed | reordered)."""


@dataclass(frozen=True)
class _Group:
    """Rows that are mapped together: `_row`, `_file`, `_line`, `_fault` and the source's columns, trimmed."""

    rows: pa.Table
    pieces: list[Piece]
    opened: list[tuple[str, list[str], Header]]
    """Name, columns in their own order and header of the files that begin in this group."""

    def raw(self, positions: np.ndarray) -> pa.Array:
        """The rows' bytes as delivered, NULL where the source has none; `positions` ascend."""
        found = []
        start = 0
        for piece in self.pieces:
            end = start + piece.rows.num_rows
            inside = positions[(positions >= start) & (positions < end)] - start
            if len(inside):
                found.append(piece.raw().take(pa.array(inside)) if piece.raw else pa.nulls(len(inside), pa.binary()))
            start = end
        return pa.concat_arrays(found)


@dataclass(frozen=True)
class _Added:
    """What `add` was given, kept to read again the raw bytes of rows that turn out to be duplicates."""

    sources: Sources
    first_row: int
    first_file: int


class Batch:
    """The rows of one (source, table, business date)."""

    def __init__(
        self,
        bank: Bank,
        contract: Contract,
        business_date: date,
        batch_id: Callable[[], str],
        workspace: Path,
        progress: Progress | None,
    ) -> None:
        """`batch_id` is asked for when the first rows are written: until then the content may still be hashed.

        `workspace` takes what DuckDB spills, which is landed rows only.
        """
        self._bank = bank
        self._contract = contract
        self._business_date = business_date
        self._batch_id = batch_id
        self._workspace = workspace
        self._progress = progress
        self._rows_read = 0
        self._files_read = 0
        self._rows_landed = 0
        self._last_key: Any = None
        self._is_ascending = len(contract.key) == 1
        self._rejects: Counter[tuple[str, str]] = Counter()
        self._drift: dict[tuple[str, str], None] = {}
        self._added: list[_Added] = []
        self._basis: list[tuple[Any, ...]] = []
        has_vaulted = any(column.vault for column in contract.columns)
        home, name = bank.home, Path(contract.source) / contract.table / f"{business_date}.parquet"
        self._landing_file, self._vault_file, self._quarantine_file = (
            root / name for root in (home.landing, home.vault, home.quarantine)
        )
        # Without a folder to spill to: what is mapped here holds raw identifiers.
        self._connection = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": ""})
        define(self._connection, keys().current("surrogate").secret)
        self._connection.execute("create table delivered (file integer, name varchar, fields varchar)")
        for file in (self._landing_file, self._vault_file, self._quarantine_file):
            file.parent.mkdir(parents=True, exist_ok=True)
        shape = ", ".join(f"null::{kind} as {quoted(column)}" for column, kind in mapped_columns(contract).items())
        nothing = self._connection.execute(f"select {shape} where false").to_arrow_table()
        self._layout = self._landed(nothing, list(self._identifiers(nothing))).schema.with_metadata(
            {"contract_version": str(contract.version), SURROGATE_KEY_ID: surrogate_key_id()}
        )
        self._landing = ParquetStream(
            temporary(self._landing_file),
            self._layout,
            [column.name for column in contract.columns if column.accepted]
            + [
                f"{column.name}_{part}"
                for column in contract.columns
                if column.vault
                for part, kind in column.vaulted_parts.items()
                if kind == "varchar"
            ]
            + [name for name in self._layout.names if name in (*TECHNICAL_COLUMNS, *LEGAL_BASIS_COLUMNS)],
        )
        self._vault: pq.ParquetWriter | None = (
            encrypted_writer(temporary(self._vault_file), VAULT, {SURROGATE_KEY_ID: surrogate_key_id()})
            if has_vaulted
            else None
        )
        self._quarantine: pq.ParquetWriter | None = None

    def __enter__(self) -> "Batch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._landing.abandon()
        for writer in (self._vault, self._quarantine):
            if writer:
                with suppress(OSError, pa.ArrowException):
                    writer.close()
        for file in (self._landing_file, self._vault_file, self._quarantine_file):
            temporary(file).unlink(missing_ok=True)
        self._connection.close()

    def add_lookup(self, name: str, lookup: Lookup, files: list[Path]) -> None:
        """Load a lookup as table `lookup_<name>`: its key columns as `_key_<n>` and the whole row as `_value`.

        Raises:
            DataRefusedError: two of its rows have the same key.
        """
        (file, first), groups = _grouped(
            ((path.name, read_file(self._bank, path, lookup.format)) for path in files), 0, 0
        )
        columns = first.columns
        if first.header.absent:
            missing = ", ".join(first.header.absent.values())
            told = header_told(first.header.known, first.header.texts)
            raise DataRefusedError(f"{file}: expected header column {missing}, found {told}")
        values = ", ".join(source_column(column) for column in columns)
        packed = ", ".join(f"{literal(c)}: {quoted(c)}" for c in columns)
        key = ", ".join(f"{quoted(column)} as _key_{at}" for at, column in enumerate(lookup.key))
        table = quoted(f"lookup_{name}")
        query = (
            f"select {key}, {{{packed}}} as _value from (select _fault, {values} from _incoming)"
            f" where _fault is null and ({lookup.where or 'true'})"
        )
        statement = f"create or replace table {table} as {query}"
        for group in chain([_nothing(columns)], ahead(groups)):
            try:
                self._over(statement, group)
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                raise ConfigurationError(f"{self._contract.name}: lookups.{name}: {error_told(error)}") from None
            statement = f"insert into {table} {query}"
        repeated = self._connection.execute(
            f"select count(*) from (select * exclude (_value) from {table} group by all having count(*) > 1)"
        ).fetchall()[0][0]
        if repeated:
            raise DataRefusedError(
                f"{', '.join(path.name for path in files)}: expected one row per {', '.join(lookup.key)}"
                f" in lookup {name}, found {repeated} keys with several rows"
            )

    def add(
        self,
        description: TableDescription,
        sources: Sources,
        basis: LegalBasis | None,
        where_described: str,
    ) -> tuple[int, Decimal | None]:
        """Map and write the rows of one description.

        Returns:
            Rows of the unload, and the sum of the contract's control column where every row has one.
        """
        first_row, first_file = self._rows_read, self._files_read
        (file, first), groups = _grouped(sources(), first_row, first_file)
        mapping = Mapping(self._connection, self._contract, description, file, first, where_described)
        self._drift |= dict.fromkeys([*first.header.drift, *((text, "removed") for text in mapping.absent)])
        needs_basis = self._contract.legal_basis == "required"
        basis_fault = "|legal_basis" if needs_basis and basis is None else None
        self._added.append(_Added(sources, first_row, first_file))
        stated = (basis.source, basis.legal_basis, basis.purpose, basis.expires) if basis else (None,) * 4
        total: Decimal | None = Decimal(0)
        reported = first_row
        for group in ahead(groups):
            self._rows_read += group.rows.num_rows
            for name, fields, header in group.opened:
                self._files_read += 1
                self._drift |= dict.fromkeys(header.drift)
                self._connection.execute(
                    "insert into delivered values (?, ?, ?)",
                    [self._files_read, name, dumps(fields, ensure_ascii=False)],
                )
                self._basis.append(stated)
            try:
                query = mapping.query("_incoming", basis_fault, any(piece.may_be_shortened for piece in group.pieces))
                mapped = _in_order(self._over(query, group))
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                raise ConfigurationError(f"{where_described}: map or where: {error_told(error)}") from None
            if mapped.num_rows != group.rows.num_rows:
                raise ToolBrokenError(
                    f"{where_described}: {group.rows.num_rows} rows were read, {mapped.num_rows} were mapped"
                )
            for column, source in mapping.taken_over.items():
                mapped = mapped.append_column(column, _null_if_empty(group.rows[source]))
            total = self._with_amounts(total, mapped)
            self._reject_faulty(group, mapped)
            kept = _kept(mapped)
            identifiers = list(self._identifiers(kept))
            self._to_vault(identifiers)
            self._land(self._landed(kept, identifiers))
            if self._progress and self._rows_read - reported >= _PROGRESS_ROWS:
                reported = self._rows_read
                self._progress(f"{self._contract.name} {self._business_date}: {reported:,} rows read")
        return self._rows_read - first_row, total

    def finish(self) -> None:
        """Reject rows whose key came before, and write all files to their end; nothing is placed yet."""
        self._landing.close()
        self._reject_duplicates()
        for writer in (self._vault, self._quarantine):
            if writer:
                writer.close()

    def place(self) -> Counts:
        """Place the finished vault, quarantine and landing files, in this order."""
        if self._vault:
            place(self._vault_file)
        if self._quarantine:
            place(self._quarantine_file)
        else:
            self._quarantine_file.unlink(missing_ok=True)
        place(self._landing_file)
        rejected = sum(self._rejects.values())
        rejects = dict(sorted(self._rejects.items()))
        return Counts(self._rows_landed + rejected, self._rows_landed, rejected, rejects, list(self._drift))

    def _over(self, query: str, group: _Group) -> pa.Table:
        """The query over the relation `_incoming`."""
        self._connection.register("_incoming", group.rows)
        try:
            return self._connection.execute(query).to_arrow_table()
        finally:
            self._connection.unregister("_incoming")

    def _with_amounts(self, total: Decimal | None, mapped: pa.Table) -> Decimal | None:
        """The total with the rows' amounts added; None once an amount cannot be known."""
        column = next((c.name for c in self._contract.columns if c.control_total), None)
        if column is None or total is None or mapped[column].null_count:
            return None
        added: Decimal | None = pc.sum(mapped[column]).as_py()
        return total + (added or 0)

    def _reject_faulty(self, group: _Group, mapped: pa.Table) -> None:
        if mapped["_fault"].null_count < mapped.num_rows:
            is_faulty = pc.and_(pc.is_valid(mapped["_fault"]), pc.fill_null(mapped["_selected"], False))
            faulty = mapped.select(["_row", "_file", "_line", "_fault"]).filter(is_faulty)
            if not faulty.num_rows:
                return
            positions = faulty["_row"].to_numpy() - group.rows["_row"][0].as_py()
            self._reject(faulty, group, positions)

    def _reject(self, faulty: pa.Table, group: _Group, positions: np.ndarray) -> None:
        """Write rows to quarantine; `faulty` has `_row`, `_file`, `_line` and `_fault`, in order."""
        raw = group.raw(positions)
        if raw.null_count:
            raw = pc.coalesce(raw, self._as_json(group.rows.take(pa.array(positions))))
        self._connection.register("_faulty", faulty.append_column("_raw", raw))
        rejected = self._connection.execute(
            "select _row, delivered.name, _line, split_part(_fault, '|', 1), split_part(_fault, '|', 2),"
            f" {self._contract.version}::integer, delivered.fields, _raw"
            " from _faulty join delivered on delivered.file = _file order by _row"
        ).to_arrow_table()
        self._connection.unregister("_faulty")
        if self._quarantine is None:
            self._quarantine = encrypted_writer(temporary(self._quarantine_file), QUARANTINE)
        self._quarantine.write_table(rejected.rename_columns(QUARANTINE.names).cast(QUARANTINE))
        counted = rejected.select([3, 4]).rename_columns(["column", "reason"])
        for row in counted.group_by(["column", "reason"]).aggregate([([], "count_all")]).to_pylist():
            self._rejects[row["column"], row["reason"]] += row["count_all"]

    def _as_json(self, rows: pa.Table) -> pa.Array:
        """Rows of a source without bytes of its own as JSON."""
        columns = [name for name in rows.column_names if name not in ("_row", "_file", "_line", "_fault")]
        packed = ", ".join(f"{literal(c)}: nullif({quoted(c)}, '')" for c in columns)
        self._connection.register("_rows", rows)
        found = self._connection.execute(
            f"select encode(to_json({{{packed}}})::varchar) as raw from _rows order by _row"
        ).to_arrow_table()
        self._connection.unregister("_rows")
        return found["raw"].combine_chunks()

    def _surrogates(self, column: Column, kind: VaultKind, texts: pa.Array) -> pa.Table:
        """Of each text: its normal form, which goes to the vault, and what lands in its place; in the same order."""
        self._connection.register("texts", pa.table({"text": texts}))
        # a table in between: in one statement each use of the normal form would compute it again
        normal = normalised(kind, "text")
        self._connection.execute(f"create or replace table normals as select {normal} as normal from texts")
        parts = ", ".join(f"{sql} as {part}" for part, sql in derived(column, "normal").items())
        return self._connection.execute(f"select normal, {parts} from normals").to_arrow_table()

    def _identifiers(self, kept: pa.Table) -> Iterator[tuple[str, VaultKind, pa.Array, pa.Table]]:
        """Of each vaulted column: its name and kind, a position per row, and the surrogates of its distinct texts."""
        for column in self._contract.columns:
            if column.vault:
                encoded = kept[column.name].combine_chunks().dictionary_encode()
                found = self._surrogates(column, column.vault, encoded.dictionary)
                yield column.name, column.vault, encoded.indices, found

    def _to_vault(self, identifiers: list[tuple[str, VaultKind, pa.Array, pa.Table]]) -> None:
        values = [
            pa.table({"kind": pa.repeat(kind, len(found)), "key": found["key"], "value": found["normal"]}, VAULT)
            for _, kind, _, found in identifiers
        ]
        if self._vault and values:
            self._connection.register("vaulted", pa.concat_tables(values))
            found = self._connection.execute(
                "select * from vaulted where key is not null order by kind, key"
            ).to_arrow_table()
            if found.num_rows:
                self._vault.write_table(found.cast(VAULT))

    def _landed(self, mapped: pa.Table, identifiers: list[tuple[str, VaultKind, pa.Array, pa.Table]]) -> pa.Table:
        """The rows as landed, in order. Columns that nothing is done to are taken over as they are."""
        columns: dict[str, pa.ChunkedArray | pa.Array] = {}
        found_of = {name: (positions, found) for name, _, positions, found in identifiers}
        for column in self._contract.columns:
            if column.vault is None:
                columns[column.name] = mapped[column.name]
                continue
            positions, found = found_of[column.name]
            parts = [name for name in found.column_names if name != "normal"]
            columns |= {f"{column.name}_{part}": _at(found[part], positions, part.endswith("key")) for part in parts}
        if self._contract.legal_basis:
            for at, field in enumerate(_BASIS):
                of_files = pa.array([basis[at] for basis in self._basis], field.type)
                columns[field.name] = of_files.take(pc.subtract(mapped["_file"], 1).combine_chunks())
        return self._with_technical(columns, mapped["_row"], is_deleted=False)

    def _with_technical(
        self, columns: dict[str, pa.ChunkedArray | pa.Array], rows: pa.ChunkedArray | pa.Array, is_deleted: bool
    ) -> pa.Table:
        same = {
            "legal_entity_code": self._bank.legal_entity_code,
            "business_date": self._business_date,
            "batch_id": self._batch_id() if len(rows) else "",
        }
        at_first = pa.repeat(pa.scalar(0, pa.int32()), len(rows))
        technical: dict[str, pa.ChunkedArray | pa.Array] = {
            name: pa.DictionaryArray.from_arrays(at_first, pa.array([value])) for name, value in same.items()
        }
        technical |= {"source_row": rows, "is_deleted": pa.repeat(is_deleted, len(rows))}
        return pa.table(columns | {name: technical[name] for name in TECHNICAL_COLUMNS})

    def _land(self, landed: pa.Table) -> None:
        if landed.num_rows:
            self._rows_landed += landed.num_rows
            if self._is_ascending:
                keys_landed = landed[self._contract.landed_key()[0]]
                self._is_ascending = _ascends(keys_landed, self._last_key)
                self._last_key = keys_landed[-1].as_py()
            self._landing.put(landed)

    def add_deleted(self, keys: pa.Table) -> None:
        """Land one tombstone per key that the source no longer has; `keys` has the columns of `landed_key()`."""
        key = self._contract.landed_key()
        own = [field for field in self._layout if field.name not in TECHNICAL_COLUMNS]
        columns = {f.name: keys[f.name].cast(f.type) if f.name in key else pa.nulls(len(keys), f.type) for f in own}
        numbers = pa.array(np.arange(self._rows_read + 1, self._rows_read + len(keys) + 1))
        self._rows_read += len(keys)
        self._land(self._with_technical(columns, numbers, is_deleted=True))

    def _reject_duplicates(self) -> None:
        """Of rows with the same key the first stays; the later ones get the fault duplicate_key."""
        if self._is_ascending:
            return  # an unload in the order of its key, as most are, has none twice
        key = ", ".join(quoted(name) for name in self._contract.landed_key())
        landed = f"read_parquet({literal(str(temporary(self._landing_file)))})"
        with landed_connection(self._workspace) as connection:
            # cheap, and the end of it unless two keys are the same or, hardly ever, share a hash
            if connection.execute(f"select count(*) = count(distinct hash({key})) from {landed}").fetchall() == [
                (True,)
            ]:
                return
            connection.execute(
                f"create temp table repeated as select {key} from {landed} group by all having count(*) > 1"
            )
            same = " and ".join(
                f"landed.{quoted(name)} is not distinct from repeated.{quoted(name)}"
                for name in self._contract.landed_key()
            )
            later = connection.execute(
                f"select source_row from (select source_row, row_number() over (partition by {key} order by source_row)"
                f" as nth from {landed} as landed where exists (select 1 from repeated where {same})) where nth > 1"
                " order by source_row"
            ).to_arrow_table()
            if not later.num_rows:
                return
            connection.register("later", later)
            kept = temporary(self._landing_file.with_stem("kept"))
            stated = self._layout.metadata.items()
            about = ", ".join(f"{name.decode()}: {literal(value.decode())}" for name, value in stated)
            connection.execute(
                f"copy (select * from {landed} where source_row not in (select source_row from later)"
                f" order by source_row) to {literal(str(kept))}"
                f" (format parquet, compression zstd, kv_metadata {{{about}}})"
            )
            kept.replace(temporary(self._landing_file))
        self._rows_landed -= later.num_rows
        self._quarantine_again(later["source_row"].to_numpy())

    def _quarantine_again(self, numbers: np.ndarray) -> None:
        """Read the sources once more for the raw bytes of rows that were mapped without a fault."""
        fault = ",".join(self._contract.key) + "|duplicate_key"
        for added in self._added:
            _, groups = _grouped(added.sources(), added.first_row, added.first_file)
            for group in ahead(groups):
                rows = group.rows["_row"].to_numpy()
                positions = np.flatnonzero(np.isin(rows, numbers))
                if len(positions):
                    found = group.rows.select(["_row", "_file", "_line"]).take(pa.array(positions))
                    faulty = found.append_column("_fault", pa.repeat(fault, len(positions)))
                    self._reject(faulty, group, positions)


def _kept(mapped: pa.Table) -> pa.Table:
    """The rows without a fault that the description selects."""
    keep = pc.and_(pc.is_null(mapped["_fault"]), pc.fill_null(mapped["_selected"], False))
    return mapped if pc.all(keep).as_py() else mapped.filter(keep)


def _ascends(keys_landed: pa.ChunkedArray, before: Any) -> bool:
    """Whether every key is greater than the one before it."""
    if pa.types.is_dictionary(keys_landed.type) or keys_landed.null_count:
        return False
    values = keys_landed.combine_chunks()
    is_greater = pc.all(pc.greater(values[1:], values[:-1]), min_count=0).as_py()
    return is_greater is True and (before is None or values[0].as_py() > before)


def _at(values: pa.ChunkedArray, positions: pa.Array, as_dictionary: bool) -> pa.Array:
    """The value at each position; as a dictionary, which Parquet stores as it is if no value is there twice."""
    values = values.combine_chunks()
    if not as_dictionary:
        return values.take(positions)
    if values.null_count or len(pc.unique(values)) < len(values):
        return values.take(positions).dictionary_encode()
    return pa.DictionaryArray.from_arrays(positions, values)


def _null_if_empty(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    empty = pc.equal(texts, "")
    return pc.if_else(empty, None, texts) if pc.any(empty).as_py() else texts


def _in_order(rows: pa.Table) -> pa.Table:
    """Sorted by `_row`, which a join may have disturbed."""
    numbers = rows["_row"].to_numpy()
    return rows if (numbers[1:] > numbers[:-1]).all() else rows.sort_by("_row")


def _grouped(
    sources: Iterator[tuple[str, Rows]], first_row: int, first_file: int
) -> tuple[tuple[str, Rows], Iterator[_Group]]:
    """The first of the sources, whose columns they all have, and their rows in groups, numbered on."""
    first = next(sources)
    columns = first[1].columns

    def groups() -> Iterator[_Group]:
        row, file = first_row, first_file
        batches: list[pa.RecordBatch] = []
        pieces: list[Piece] = []
        opened: list[tuple[str, list[str], Header]] = []
        size = 0
        for name, source in chain([first], sources):
            if set(source.columns) != set(columns):
                expected, found = (header_told((), names) for names in (columns, source.columns))
                raise DataRefusedError(f"{name}: expected columns {expected}, found {found}")
            file += 1
            opened.append((name, source.columns, source.header))
            for piece in source.pieces():
                batches.append(_numbered(piece.rows, columns, row, file))
                pieces.append(piece)
                row += piece.rows.num_rows
                size += batches[-1].nbytes
                if size >= _GROUP_BYTES:
                    yield _Group(pa.Table.from_batches(batches), pieces, opened)
                    batches, pieces, opened, size = [], [], [], 0
        if batches:
            yield _Group(pa.Table.from_batches(batches), pieces, opened)

    return first, groups()


def _numbered(rows: pa.RecordBatch, columns: list[str], before: int, file: int) -> pa.RecordBatch:
    """A piece with `_row` and `_file`, values trimmed, columns in the order of the first file."""
    count = rows.num_rows
    arrays = [
        pa.array(np.arange(before + 1, before + count + 1)),
        pa.array(np.full(count, file, np.int32)),
        rows["_line"],
        rows["_fault"],
        *(pc.utf8_trim_whitespace(rows[column]) for column in columns),
    ]
    return pa.RecordBatch.from_arrays(arrays, names=["_row", "_file", "_line", "_fault", *columns])


def _nothing(columns: list[str]) -> _Group:
    names = {"_row": pa.int64(), "_file": pa.int32(), "_line": pa.int64(), "_fault": pa.string()}
    layout = pa.schema([*names.items(), *((column, pa.string()) for column in columns)])
    return _Group(layout.empty_table(), [], [])
