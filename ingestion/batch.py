"""One batch on its way to landing: source rows are mapped, checked, parted into landed and rejected, and written.

Everything is set-based in an in-memory DuckDB that spills to a folder of its own; rows keep their source order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.bank import (
    Bank,
    DelimitedFormat,
    FixedWidthFormat,
    Lookup,
    TableDescription,
    XlsxFormat,
)
from ingestion.contract import LEGAL_BASIS_COLUMNS, Contract
from ingestion.legal_basis import LegalBasis
from ingestion.mapping import Mapping, literal, mapped_columns, quoted, source_column
from ingestion.placing import placed
from ingestion.quarantine import write_quarantine
from ingestion.readers.delimited import read_delimited
from ingestion.readers.fixed_width import read_fixed_width
from ingestion.readers.rows import ROW_COLUMNS, Rows, schema
from ingestion.readers.xlsx import read_xlsx
from ingestion.surrogate import define
from ingestion.vault import write_vault
from qianmo.errors import ConfigurationError, DataRefusedError, QianmoError, ToolBrokenError
from qianmo.settings import keys

_MEMORY_LIMIT = "2GiB"
_PROGRESS_ROWS = 200_000
_READ_ROWS = 50_000

Progress = Callable[[str], None]


def read_file(path: Path, file_format: DelimitedFormat | FixedWidthFormat | XlsxFormat) -> Rows:
    """Rows of a file by its format."""
    match file_format:
        case DelimitedFormat():
            return read_delimited(path, file_format)
        case FixedWidthFormat():
            return read_fixed_width(path, file_format)
        case XlsxFormat():
            return read_xlsx(path, file_format)


@dataclass(frozen=True)
class Counts:
    """rows_in = rows_landed + rows_quarantined."""

    rows_in: int
    rows_landed: int
    rows_quarantined: int
    rejects: dict[tuple[str, str], int]
    """(column, reason) to rows."""


class Batch:
    """The rows of one (source, table, business date)."""

    def __init__(
        self, bank: Bank, contract: Contract, business_date: date, workspace: Path, progress: Progress | None
    ) -> None:
        self._bank = bank
        self._contract = contract
        self._business_date = business_date
        self._progress = progress
        self._rows = 0
        self._files = 0
        self._connection = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": str(workspace)})
        # a reader can be read once; this rule would read it twice
        self._connection.execute("set disabled_optimizers = 'window_self_join'")
        define(self._connection, bytes.fromhex(keys().surrogate_key.get_secret_value()))
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in mapped_columns(contract).items())
        self._connection.execute(f"create table mapped ({columns}, _selected boolean)")
        basis = ", ".join(f"{name} {kind}" for name, kind in LEGAL_BASIS_COLUMNS.items())
        self._connection.execute(f"create table delivered (file integer, name varchar, {basis})")

    def close(self) -> None:
        self._connection.close()

    def add_lookup(self, name: str, lookup: Lookup, files: list[Path]) -> None:
        """Load a lookup as table `lookup_<name>`: its key columns as `_key_<n>` and the whole row as `_value`.

        Raises:
            DataRefusedError: two of its rows have the same key.
        """
        rows = self._one_relation([(path.name, read_file(path, lookup.format)) for path in files], counted=False)
        values = ", ".join(source_column(column) for column in rows.columns)
        packed = ", ".join(f"{literal(c)}: {quoted(c)}" for c in rows.columns)
        key = ", ".join(f"{quoted(column)} as _key_{at}" for at, column in enumerate(lookup.key))
        table = quoted(f"lookup_{name}")
        try:
            self._consume(
                f"create table {table} as select {key}, {{{packed}}} as _value from"
                f" (select _fault, {values} from _incoming) where _fault is null and ({lookup.where or 'true'})",
                rows,
            )
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise ConfigurationError(f"{self._contract.name}: lookups.{name}: {reason}") from None
        repeated = self._connection.execute(
            f"select * exclude (_value) from {table} group by all having count(*) > 1 order by all limit 1"
        ).fetchone()
        if repeated:
            raise DataRefusedError(
                f"{', '.join(path.name for path in files)}: expected one row per {', '.join(lookup.key)}"
                f" in lookup {name}, found several for {', '.join(str(value) for value in repeated)}"
            )

    def add(
        self,
        description: TableDescription,
        sources: list[tuple[str, Rows]],
        basis: LegalBasis | None,
        where_described: str,
    ) -> tuple[int, Decimal | None]:
        """Map the rows of one description; `sources` are display names and rows of its files.

        Returns:
            Rows of the unload, and the sum of the contract's control column where every row has one.
        """
        rows = self._one_relation(sources, counted=True)
        mapping = Mapping(self._connection, self._contract, description, rows.columns, where_described)
        needs_basis = self._contract.legal_basis == "required"
        query = mapping.query(
            "_incoming",
            with_raw=isinstance(description.format, DelimitedFormat | FixedWidthFormat),
            basis_fault="|legal_basis" if needs_basis and basis is None else None,
        )
        for number, (name, _) in enumerate(sources, self._files + 1):
            stated = [basis.source, basis.legal_basis, basis.purpose, basis.expires] if basis else [None] * 4
            self._connection.execute("insert into delivered values (?, ?, ?, ?, ?, ?)", [number, name, *stated])
        before = self._rows
        try:
            self._consume(f"insert into mapped {query}", rows)
        except duckdb.Error as error:
            raise ConfigurationError(f"{where_described}: map or where: {str(error).splitlines()[0]}") from None
        if (kept := self._count(f"mapped where _row > {before}")) != self._rows - before:
            raise ToolBrokenError(f"{where_described}: {self._rows - before} rows were read, {kept} were mapped")
        self._files += len(sources)
        total = self._amount_total(before)
        if description.where:
            self._connection.execute("delete from mapped where not coalesce(_selected, false)")
        return self._rows - before, total

    def _one_relation(self, sources: list[tuple[str, Rows]], counted: bool) -> Rows:
        """The rows of several files as one, with `_row` and `_file` added, values trimmed; the columns are the same."""
        columns = sources[0][1].columns
        for name, rows in sources[1:]:
            if set(rows.columns) != set(columns):
                raise DataRefusedError(
                    f"{name}: expected columns {', '.join(columns)}, found {', '.join(rows.columns)}"
                )

        def numbered() -> Iterator[pa.RecordBatch]:
            row = self._rows
            reported = row
            for number, (_, rows) in enumerate(sources, self._files + 1):
                for batch in rows.batches:
                    count = batch.num_rows
                    arrays = [
                        pa.array(np.arange(row + 1, row + count + 1)),
                        pa.array(np.full(count, number, np.int32)),
                        *(batch[field] for field in ROW_COLUMNS),
                        *(pc.utf8_trim_whitespace(batch[field]) for field in columns),
                    ]
                    row += count
                    yield pa.RecordBatch.from_arrays(arrays, names=["_row", "_file", *ROW_COLUMNS, *columns])
                    if self._progress and counted and row - reported >= _PROGRESS_ROWS:
                        self._progress(f"{self._contract.name} {self._business_date}: {row:,} rows read")
                        reported = row
            if counted:
                self._rows = row

        return Rows(columns, numbered())

    def _consume(self, statement: str, rows: Rows) -> None:
        """Run a statement over `_incoming`; errors of the reader come out as themselves."""
        failure: list[QianmoError] = []

        def watched() -> Iterator[pa.RecordBatch]:
            try:
                yield from rows.batches
            except QianmoError as error:
                failure.append(error)
                raise

        layout = pa.schema([("_row", pa.int64()), ("_file", pa.int32()), *schema(rows.columns)])
        self._connection.register("_incoming", pa.RecordBatchReader.from_batches(layout, watched()))
        try:
            self._connection.execute(statement)
        except Exception:
            if failure:
                raise failure[0] from None
            raise
        finally:
            self._connection.unregister("_incoming")

    def _amount_total(self, after_row: int) -> Decimal | None:
        column = next((c.name for c in self._contract.columns if c.control_total), None)
        if column is None:
            return None
        total, unknown = self._connection.execute(
            f"select coalesce(sum({quoted(column)}), 0), count(*) filter ({quoted(column)} is null)"
            f" from mapped where _row > {after_row}"
        ).fetchall()[0]
        return None if unknown else Decimal(total)

    def reject_duplicates(self) -> None:
        """Of rows with the same key the first stays, the later ones get the fault duplicate_key."""
        key = ", ".join(quoted(name) for name in self._contract.key)
        self._connection.execute(
            f"create temp table repeated as select {key} from mapped where _fault is null group by all"
            " having count(*) > 1"
        )
        if self._count("repeated"):
            same = " and ".join(
                f"mapped.{quoted(name)} is not distinct from repeated.{quoted(name)}" for name in self._contract.key
            )
            fault = literal(",".join(self._contract.key) + "|duplicate_key")
            self._connection.execute(
                f"update mapped set _fault = {fault} where _row in ("
                f"select _row from (select _row, row_number() over (partition by {key} order by _row) as nth"
                f" from mapped where _fault is null and exists (select 1 from repeated where {same})) where nth > 1)"
            )
        self._connection.execute("drop table repeated")

    def write(self, batch_id: str) -> Counts:
        """Place vault, quarantine and landing files, in this order, and count."""
        joins = self._make_surrogates()
        home, source, table, on = self._bank.home, self._contract.source, self._contract.table, self._business_date
        if kinds := sorted({column.vault for column in self._contract.columns if column.vault}):
            values = " union all ".join(
                f"select {literal(kind)} as kind, key, value from surrogate_{kind}" for kind in kinds
            )
            write_vault(home, source, table, on, self._read(f"select * from ({values}) order by kind, key"))
        rejects = {
            (str(column), str(reason)): int(rows)
            for column, reason, rows in self._connection.execute(
                "select split_part(_fault, '|', 1), split_part(_fault, '|', 2), count(*) from mapped"
                " where _fault is not null group by all order by all"
            ).fetchall()
        }
        if rejects:
            write_quarantine(home, source, table, on, self._read(self._rejected_query()))
        else:
            (home.quarantine / source / table / f"{on}.parquet").unlink(missing_ok=True)
        landed = self._landed_query(batch_id, joins)
        with placed(home.landing / source / table / f"{on}.parquet") as temporary:
            target = literal(str(temporary))
            self._connection.execute(f"copy ({landed}) to {target} (format parquet, compression zstd)")
        rows_in = self._count("mapped")
        quarantined = sum(rejects.values())
        return Counts(rows_in, rows_in - quarantined, quarantined, rejects)

    def _rejected_query(self) -> str:
        return (
            "select delivered.name as file, _line as line, split_part(_fault, '|', 1) as \"column\","
            f" split_part(_fault, '|', 2) as reason, {self._contract.version}::integer as contract_version,"
            " _raw as raw from mapped join delivered on delivered.file = _file"
            " where _fault is not null order by _row"
        )

    def _make_surrogates(self) -> str:
        """One table per kind of vaulted value, hashed once per distinct value; returns the joins to them."""
        by_kind: dict[str, list[str]] = {}
        for column in self._contract.columns:
            if column.vault:
                by_kind.setdefault(column.vault, []).append(column.name)
        joins = ""
        for kind, names in by_kind.items():
            values = " union ".join(
                f"select distinct {quoted(name)} as value from mapped"
                f" where _fault is null and {quoted(name)} is not null"
                for name in names
            )
            checks = (
                ", id_is_valid(value) as is_valid, id_birth_date(value) as birth_date, id_gender(value) as gender"
                if kind == "id_number"
                else ""
            )
            self._connection.execute(
                f"create table surrogate_{kind} as select value, surrogate({literal(kind)}, value) as key,"
                f" masked_{kind}(value) as masked{checks} from ({values})"
            )
            for name in names:
                alias = quoted(f"_{name}")
                joins += f" left join surrogate_{kind} as {alias} on {alias}.value = mapped.{quoted(name)}"
        return joins

    def _landed_query(self, batch_id: str, joins: str) -> str:
        selected = []
        for column in self._contract.columns:
            if column.vault is None:
                selected.append(f"mapped.{quoted(column.name)}")
                continue
            parts = ["key", "masked"]
            if column.vault == "id_number":
                parts += ["is_valid", "birth_date", "gender"]
            alias = quoted(f"_{column.name}")
            selected += [f"{alias}.{part} as {quoted(f'{column.name}_{part}')}" for part in parts]
        if self._contract.legal_basis:
            joins += " join delivered on delivered.file = mapped._file"
            selected += [f"delivered.{name}" for name in LEGAL_BASIS_COLUMNS]
        selected += [
            f"{literal(self._bank.legal_entity_code)} as legal_entity_code",
            f"date {literal(self._business_date.isoformat())} as business_date",
            f"{literal(batch_id)} as batch_id",
        ]
        return (
            f"select {', '.join(selected)}, mapped._row as source_row from mapped{joins}"
            " where mapped._fault is null order by mapped._row"
        )

    def _read(self, query: str) -> Iterator[pa.RecordBatch]:
        yield from self._connection.execute(query).to_arrow_reader(_READ_ROWS)

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"select count(*) from {table}").fetchall()[0][0])
