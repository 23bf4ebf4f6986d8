"""What a database has to say for a business date: rows that are new or changed since the dates landed before, and
keys that are gone.

An extraction is kept as encrypted parts below `extracted/`, one folder per business date. They are what the date
delivered, as files are for other sources, so a date can be landed again after the database has moved on; their keys,
watermarks and row digests tell what is known already. Each part is one page of the database with the known rows left
out, and says where to go on: a killed run continues after its last part. The last part of a finished reading holds
the keys that are gone.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.bank import Bank, SqlFormat, TableDescription
from ingestion.contract import Contract
from ingestion.encryption import read_encrypted, read_encrypted_schema, write_encrypted
from ingestion.mapping import literal, quoted, typed
from ingestion.placing import sweep
from ingestion.readers.rows import Piece, Rows, schema
from ingestion.readers.sql import WATERMARK, SqlTable, describe, open_database
from ingestion.surrogate import define, normalised
from ingestion.telling import error_told
from qianmo.errors import ConfigurationError
from qianmo.ledger import landing_batch, rows
from qianmo.settings import keys

_DIGEST = "_digest"
_GONE = "_gone"
_STATE = {WATERMARK: pa.string(), _DIGEST: pa.string(), _GONE: pa.bool_()}
"""Columns of a part beside the table's own, which are texts. A row is gone when the source has it no more (then only
its key is there) or when the description's `where` leaves it out."""

_METADATA = b"qianmo"
_MEMORY_LIMIT = "256MiB"
_MEMORY_LIMIT_WITHOUT_SPILLING = "2GiB"
_HASHED_ROWS = 100_000
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""What landing trims around every value (Arrow's utf8_trim_whitespace)."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Reading:
    """How a part was read, and where its reading stood after it; kept in the part's encrypted footer."""

    key: list[str]
    watermark: str
    where: str | None
    since: str | None
    """First day read; None is everything."""
    after: list[str] | None
    """Watermark and key of the last row read."""
    rows_read: int
    is_finished: bool

    def knows_rows_as(self, other: "_Reading") -> bool:
        return (self.key, self.watermark) == (other.key, other.watermark)


class Extraction:
    """The rows and deleted keys of one business date."""

    def __init__(self, state: "_State", parts: list[Path], name: str) -> None:
        self._state = state
        self._parts = parts
        self._columns = list(dict.fromkeys(name for part in parts for name in _source_columns(part)))
        self.name = name
        """What stands for a file name."""
        self.deleted = state.deleted_keys()
        """`contract.landed_key()` of the rows that landed on an earlier date and are gone."""
        self.digest = state.content_digest(self._columns)
        """SHA-256 of columns, rows and gone keys, whatever parts they are in."""

    @property
    def rows(self) -> Rows:
        """The live rows in the order they were read, each key once."""
        return Rows(self._columns, self._pieces)

    def _pieces(self) -> Iterator[Piece]:
        layout = schema(self._columns)
        line = 1
        for part in self._parts:
            for batch in self._state.live_rows(part):
                count = batch.num_rows
                known = batch.schema.names
                values = [batch[name] if name in known else pa.nulls(count, pa.string()) for name in self._columns]
                head = [pa.array(np.arange(line, line + count)), pa.nulls(count, pa.string())]
                line += count
                yield Piece(pa.RecordBatch.from_arrays([*head, *values], schema=layout))

    def close(self) -> None:
        self._state.close()


def extract(
    bank: Bank,
    contract: Contract,
    description: TableDescription,
    business_date: date,
    is_landed: bool,
    workspace: Path,
    progress: Progress | None,
) -> Extraction | None:
    """Read what a business date adds; where it and a later date have landed, take what was read for it then.

    The caller holds the lock of the table and closes the result. None: it has landed and so has a later date, and
    nothing that was read for it is kept.

    Raises:
        ConfigurationError: `where`, or the mapping of a key column, is no SQL over the source's (key) columns.
        DataRefusedError: see `open_database` and `SqlTable`; what was read stays for the next run.
    """
    file_format = description.format
    assert isinstance(file_format, SqlFormat)  # noqa: S101  # the caller chose it by this
    root = bank.home.extracted / contract.source / contract.table / file_format.table
    folder = root / business_date.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    landed = [
        date.fromisoformat(row["business_date"])
        for row in rows(bank.home, landing_batch, source=contract.source, table_name=contract.table, status="landed")
    ]
    earlier = [day for day in sorted(landed) if day < business_date] if contract.load != "snapshot" else []
    is_latest = business_date >= max(landed, default=business_date)
    with ExitStack() as on_failure:
        state = _State(contract, description, workspace)
        on_failure.callback(state.close)
        if is_landed and not is_latest:
            if progress:
                progress(
                    f"{contract.name} {business_date}: {file_format.table} is not read again: a later date has landed,"
                    " and the table no longer tells this one"
                )
            parts = _parts(folder)
            if not parts:
                return None
            reading = _reading(parts[-1])
            state.start(reading.key)
            state.remember(_known(root, earlier, reading), None)
            state.take_own(parts)
        else:
            embedded = (
                bank.resolve(file_format.embedded_postgres, business_date) if file_format.embedded_postgres else None
            )
            with open_database(file_format, embedded, bank.timezone) as connection:
                table = SqlTable(connection, file_format)
                pass_ = _Pass(contract, description, business_date, root, state, table, progress)
                pass_.read(earlier, is_latest)
        result = Extraction(state, _parts(folder), describe(file_format, business_date))
        on_failure.pop_all()
    return result


class _Pass:
    """One pass over the database, into parts."""

    def __init__(
        self,
        contract: Contract,
        description: TableDescription,
        business_date: date,
        root: Path,
        state: "_State",
        table: SqlTable,
        progress: Progress | None,
    ) -> None:
        assert isinstance(description.format, SqlFormat)  # noqa: S101
        self._name = f"{contract.name} {business_date}"
        self._load = contract.load
        self._format = description.format
        self._where = description.where
        self._date = business_date
        self._root = root
        self._folder = root / business_date.isoformat()
        self._state = state
        self._table = table
        self._progress = progress
        self._empty: list[Path] = []

    def read(self, earlier: list[date], is_latest: bool) -> None:
        """Read on from the last part. `earlier`: dates landed before this one; `is_latest`: none landed after it."""
        reading = _Reading(self._table.key, self._format.watermark, self._where, None, None, 0, False)
        known = _known(self._root, earlier, reading)
        since = self._first_day(known)
        compared_since = self._first_day_compared(since)
        self._state.start(self._table.key)
        # a row that `where` leaves out from now on may have landed on any date
        self._state.remember(known, None if self._where else compared_since)
        own = _parts(self._folder)
        if own and not _reading(own[-1]).knows_rows_as(reading):
            for part in own:
                part.unlink()
            own = []
        self._state.take_own(own)
        last = _reading(own[-1]) if own else None
        reading = replace(reading, since=since.isoformat() if since else None)
        is_new_pass = last is None or last.is_finished
        if last and not is_new_pass and last.since == reading.since:
            reading = last
            self._say(f"goes on after {reading.rows_read:,} rows read before")
        tomorrow = self._date + timedelta(days=1)
        for page in self._table.pages(since, tomorrow, reading.after):
            position = page.slice(page.num_rows - 1)
            reading = replace(
                reading,
                after=[position[name][0].as_py() for name in (WATERMARK, *self._table.key)],
                rows_read=reading.rows_read + page.num_rows,
            )
            self._write(self._state.changed(page), reading)
            self._say(f"{reading.rows_read:,} rows read")
        # the first reading of a table, undisturbed, has nothing to be compared with
        if is_latest and self._format.reconcile != "none" and self._load != "snapshot" and (known or own):
            self._compare_keys(compared_since, tomorrow, reading)
        self._write(self._state.gone_rows(self._table.columns), replace(reading, is_finished=True))
        self._drop_empty(is_new_pass)

    def _first_day(self, known: dict[date, list[Path]]) -> date | None:
        """The overlap before the business date, or before the first date that was passed over; None: everything."""
        if not known:
            return None
        last = max(known)
        if _reading(known[last][-1]).where != self._where:
            return None  # any row may be in or out now
        return min(self._date, last + timedelta(days=1)) - timedelta(days=self._format.overlap)

    def _first_day_compared(self, since: date | None) -> date | None:
        reconcile = self._format.reconcile
        if since is None or reconcile == "all":
            return None
        return since if reconcile == "none" else min(since, self._date - timedelta(days=reconcile))

    def _compare_keys(self, since: date | None, until: date, reading: _Reading) -> None:
        """Find the rows that the pages missed and those that are gone; the former become parts of their own."""
        for page in self._table.pages(since, None, keys_only=True):
            self._state.add_source_keys(page)
        missed = 0
        for wanted in self._state.keys_to_read(since, until, self._format.page_rows, self._load == "upsert"):
            page = self._table.by_keys(wanted)
            self._state.mark_gone(wanted, page)
            # one that has moved on is brought by the date it has moved to
            changed = self._state.changed(page.filter(pc.less(page[WATERMARK], until.isoformat())))
            self._write(changed, reading)
            missed += changed.num_rows
        if missed:
            self._say(f"{missed:,} rows outside the overlap")

    def _write(self, found: pa.Table, reading: _Reading) -> None:
        existing = _parts(self._folder)
        number = _number(existing[-1]) + 1 if existing else 0
        path = self._folder / f"part-{number:06d}.parquet"
        found = found.replace_schema_metadata({_METADATA: json.dumps(asdict(reading))})
        write_encrypted(path, found.schema, found.to_batches())
        if found.num_rows:
            self._state.add_own(found, number)
        else:
            self._empty.append(path)

    def _drop_empty(self, is_new_pass: bool) -> None:
        """Parts without rows only said where to go on; the last one says that the date is read to its end."""
        last = _parts(self._folder)[-1]
        for path in self._empty:
            if path != last:
                path.unlink()
        before = _parts(self._folder)[:-1]
        if last in self._empty and is_new_pass and before and _reading(before[-1]).is_finished:
            last.unlink()

    def _say(self, what: str) -> None:
        if self._progress:
            self._progress(f"{self._name}: {self._table.name}: {what}")


class _State:
    """What is known of the table's rows, in a DuckDB of its own: `history` of the dates landed before, `own` of this
    date's parts. Both have the key as `_k0`, `_k1`, …, watermark, digest and gone; the latest of each key."""

    def __init__(self, contract: Contract, description: TableDescription, workspace: Path) -> None:
        self._contract = contract
        self._description = description
        vaulted = {column.name for column in contract.columns if column.vault}
        # keys may spill unless they are identifiers themselves
        may_spill = not vaulted.intersection(contract.key)
        workspace.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(
            config={
                "memory_limit": _MEMORY_LIMIT if may_spill else _MEMORY_LIMIT_WITHOUT_SPILLING,
                "temp_directory": str(workspace / "extraction") if may_spill else "",
            }
        )
        define(self._connection, keys().current("surrogate").secret)

    def close(self) -> None:
        self._connection.close()

    def start(self, key: Sequence[str]) -> None:
        """Empty tables for a key.

        Raises:
            ConfigurationError: the contract's key does not follow from it, where deletes are to be found.
        """
        self._key = list(key)
        self._columns = [f"_k{at}" for at in range(len(key))]
        self._using = ", ".join(self._columns)
        columns = ", ".join(f"{name} varchar" for name in self._columns)
        for table in ("history", "own"):
            self._connection.execute(
                f"create table {table} ({columns}, watermark varchar, digest varchar, gone boolean, part bigint)"
            )
        self._connection.execute(
            "create view known as select * from own union all"
            f" select * from history anti join own using ({self._using})"
        )
        self._connection.execute(f"create table source_key ({columns}, watermark varchar)")
        self._connection.execute(f"create table gone_key ({columns})")
        self._key_types = self._landed_key_types() if self._contract.load == "upsert" else []

    def remember(self, known: dict[date, list[Path]], since: date | None) -> None:
        """Fill `history` with the rows whose watermark is not before a day; later parts go over earlier ones."""
        # a batch of a date holds no watermark after it, so earlier dates have nothing to tell
        parts = [part for day, found in sorted(known.items()) if since is None or day >= since for part in found]
        self._load("history", enumerate(parts), since)
        if len(parts) > 1:
            self._connection.execute(
                "create or replace table history as select * from history"
                f" qualify row_number() over (partition by {self._using} order by part desc) = 1"
            )

    def take_own(self, parts: list[Path]) -> None:
        for part in parts:
            self.add_own(pa.Table.from_batches(read_encrypted(part, self._slim), self._slim_schema), _number(part))

    def add_own(self, found: pa.Table, number: int) -> None:
        """Take in a part of this date; its rows go over those of earlier parts."""
        with self._registered("_found", found):
            self._connection.execute(
                f"delete from own using (select {self._named_key} from _found) as found"
                f" where {self._same('own', 'found')}"
            )
            self._connection.execute(f"insert into own select {self._slim_columns}, {number} from _found")

    def changed(self, page: pa.Table) -> pa.Table:
        """The rows of a page that are not known as they are, in its order, with the columns of a part.

        Raises:
            ConfigurationError: `where` is no SQL over the columns.
        """
        columns = [name for name in page.column_names if name != WATERMARK]
        plain = ", ".join(quoted(name) for name in columns)
        ordered = page.append_column("_n", pa.array(np.arange(page.num_rows)))
        selected = "select _n, true as selected from _page"
        if self._description.where:
            values = ", ".join(_as_mapped(quoted(name), name) for name in columns)
            selected = f"select _n, ({self._description.where}) as selected from (select _n, {values} from _page)"
        with self._registered("_page", ordered):
            try:
                found = self._connection.execute(
                    f"with hashed as (select *, left(sha256(to_json([{plain}])::varchar), 32) as {_DIGEST},"
                    f" {self._named_key} from _page), chosen as ({selected})"
                    f" select {plain}, {WATERMARK}, hashed.{_DIGEST}, not coalesce(selected, false) as {_GONE}"
                    f" from hashed join chosen using (_n) left join known using ({self._using})"
                    f" where known.gone is distinct from not coalesce(selected, false)"
                    f" or known.digest is distinct from hashed.{_DIGEST} order by _n"
                ).to_arrow_table()
            except duckdb.Error as error:
                raise ConfigurationError(f"{self._contract.name}: where: {error_told(error)}") from None
        return found.cast(pa.schema([*((name, pa.string()) for name in columns), *_STATE.items()]))

    def add_source_keys(self, page: pa.Table) -> None:
        with self._registered("_page", page):
            self._connection.execute(f"insert into source_key select {self._named_key}, {WATERMARK} from _page")

    def keys_to_read(self, since: date | None, until: date, page_rows: int, with_gone: bool) -> Iterator[pa.Table]:
        """Keys, in pages, that the source has and we do not, or not so, and with `with_gone` those that it lacks."""
        missed = (
            f"select {self._using} from source_key left join known using ({self._using})"
            f" where source_key.watermark < {literal(until.isoformat())} and (known.gone is null"
            " or known.digest is null or known.watermark is distinct from source_key.watermark)"
        )
        from_day = f"and known.watermark >= {literal(since.isoformat())}" if since else ""
        lacked = (
            f"select {self._using} from known anti join source_key using ({self._using})"
            f" where not known.gone {from_day}"
        )
        self._connection.execute(
            f"create table wanted as select *, row_number() over (order by {self._using}) as n"
            f" from ({missed}{f' union {lacked}' if with_gone else ''})"
        )
        named = ", ".join(f"{column} as {quoted(name)}" for column, name in zip(self._columns, self._key, strict=True))
        for start in range(0, self._count("wanted"), page_rows):
            yield self._connection.execute(
                f"select {named} from wanted where n > {start} and n <= {start + page_rows} order by n"
            ).to_arrow_table()

    def mark_gone(self, wanted: pa.Table, page: pa.Table) -> None:
        """Of the wanted keys those are gone that we hold and that the source did not give."""
        with self._registered("_wanted", wanted), self._registered("_page", page):
            self._connection.execute(
                f"insert into gone_key select {self._using} from (select {self._named_key} from _wanted)"
                f" anti join (select {self._named_key} from _page) using ({self._using})"
                f" semi join (from known where not gone) using ({self._using})"
            )

    def gone_rows(self, columns: Sequence[str]) -> pa.Table:
        """The keys marked gone as rows of a part."""
        by_name = dict(zip(self._key, self._columns, strict=True))
        values = ", ".join(f"{by_name.get(name, 'null')}::varchar as {quoted(name)}" for name in columns)
        return self._connection.execute(
            f"select {values}, null::varchar as {WATERMARK}, null::varchar as {_DIGEST}, true as {_GONE}"
            f" from gone_key order by {self._using}"
        ).to_arrow_table()

    def deleted_keys(self) -> pa.Table:
        """`contract.landed_key()` of what landed on an earlier date and is gone, without keys that a live row has."""
        if not self._key_types:
            return pa.table({name: pa.array([], pa.string()) for name in self._contract.landed_key()})
        names = [quoted(name) for name in self._contract.landed_key()]
        gone = f"select {self._using} from own where gone intersect select {self._using} from history where not gone"
        live = f"select {self._using} from known where not gone"
        known = " and ".join(f"{name} is not null" for name in names)
        deleted = f"select distinct * from ({self._landed_key(gone)}) where {known}"
        found = self._connection.execute(deleted).to_arrow_table()
        if found.num_rows:
            found = self._connection.execute(f"{deleted} except {self._landed_key(live)} order by all").to_arrow_table()
        return found

    def content_digest(self, columns: Sequence[str]) -> str:
        digest = sha256("\x1f".join(columns).encode())
        key = f"sha256(to_json([{self._using}])::varchar)"
        reader = self._connection.execute(
            f"select digest as line from own where not gone union all select {key} from own where gone"
            f" and exists (from history where not history.gone and {self._same('history', 'own')}) order by line"
        ).to_arrow_reader(_HASHED_ROWS)
        for batch in reader:
            lines = pa.ListArray.from_arrays([0, batch.num_rows], batch["line"])
            digest.update(pc.binary_join(lines, "")[0].as_py().encode())
        return digest.hexdigest()

    def live_rows(self, part: Path) -> Iterator[pa.RecordBatch]:
        """The rows of a part that are live and that no later part of the date has."""
        file = read_encrypted_schema(part)
        plain = ", ".join(quoted(name) for name in _source_columns(part))
        numbered = file.append(pa.field("_n", pa.int64()))
        number = _number(part)

        def batches() -> Iterator[pa.RecordBatch]:
            at = 0
            for batch in read_encrypted(part):
                order = pa.array(np.arange(at, at + batch.num_rows))
                at += batch.num_rows
                yield pa.RecordBatch.from_arrays([*batch.columns, order], schema=numbered)

        with self._registered("_part", pa.RecordBatchReader.from_batches(numbered, batches())):
            reader = self._connection.execute(
                f"select {plain} from (select *, {self._named_key} from _part) semi join"
                f" (from own where part = {number} and not gone) using ({self._using}) order by _n"
            ).to_arrow_reader(_HASHED_ROWS)
            yield from reader

    @property
    def _named_key(self) -> str:
        return ", ".join(f"{quoted(name)} as {column}" for name, column in zip(self._key, self._columns, strict=True))

    @property
    def _slim(self) -> list[str]:
        return [*self._key, *_STATE]

    @property
    def _slim_schema(self) -> pa.Schema:
        return pa.schema([*((name, pa.string()) for name in self._key), *_STATE.items()])

    @property
    def _slim_columns(self) -> str:
        return ", ".join(quoted(name) for name in self._slim)

    def _landed_key_types(self) -> list[str]:
        """DuckDB types of the mapped expressions of the contract's key."""
        empty = f"select {', '.join(f'null::varchar as {name}' for name in self._columns)} where false"
        try:
            described = self._connection.execute(f"describe {self._key_expressions(empty)}").fetchall()
        except duckdb.Error as error:
            names = ", ".join(f"map.{name}" for name in self._contract.key)
            raise ConfigurationError(
                f"{self._contract.name}: {names}: expected SQL over the key columns {', '.join(self._key)} of the"
                f" source table (format.key), found: {str(error).splitlines()[0]}"
            ) from None
        return [str(row[1]) for row in described]

    def _key_expressions(self, source_keys: str) -> str:
        values = ", ".join(_as_mapped(column, name) for column, name in zip(self._columns, self._key, strict=True))
        mapped = ", ".join(f"({self._description.map[name]}) as _{at}" for at, name in enumerate(self._contract.key))
        return f"select {mapped} from (select {values} from ({source_keys}))"

    def _landed_key(self, source_keys: str) -> str:
        """SQL of the contract's landed key, mapped as landing maps it, of rows with the source's key."""
        by_name = {column.name: column for column in self._contract.columns}
        landed = []
        for at, (name, kind) in enumerate(zip(self._contract.key, self._key_types, strict=True)):
            column = by_name[name]
            value = typed(column, f"_{at}", kind, self._description.date_formats)
            if column.vault:
                value = f"surrogate({literal(column.vault)}, {normalised(column.vault, value)})"
            landed.append(f"{value} as {quoted(self._contract.landed_key()[at])}")
        return f"select {', '.join(landed)} from ({self._key_expressions(source_keys)})"

    def _load(self, table: str, parts: Iterable[tuple[int, Path]], since: date | None) -> None:
        where = f"where {WATERMARK} >= {literal(since.isoformat())} or {_GONE}" if since else ""
        for number, part in parts:
            reader = pa.RecordBatchReader.from_batches(self._slim_schema, read_encrypted(part, self._slim))
            with self._registered("_found", reader):
                self._connection.execute(
                    f"insert into {table} select {self._slim_columns}, {number} from _found {where}"
                )

    def _same(self, one: str, other: str) -> str:
        return " and ".join(f"{one}.{column} = {other}.{column}" for column in self._columns)

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"select count(*) from {table}").fetchall()[0][0])

    @contextmanager
    def _registered(self, name: str, table: pa.Table | pa.RecordBatchReader) -> Iterator[None]:
        self._connection.register(name, table)
        try:
            yield
        finally:
            self._connection.unregister(name)


def _as_mapped(sql: str, name: str) -> str:
    """A source value as mappings see it: trimmed, NULL when empty."""
    return f"nullif(trim({sql}, {literal(_BLANKS)}), '') as {quoted(name)}"


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _number(part: Path) -> int:
    return int(part.stem.removeprefix("part-"))


def _reading(part: Path) -> _Reading:
    return _Reading(**json.loads(read_encrypted_schema(part).metadata[_METADATA]))


def _source_columns(part: Path) -> list[str]:
    return [name for name in read_encrypted_schema(part).names if name not in _STATE]


def _known(root: Path, dates: Sequence[date], reading: _Reading) -> dict[date, list[Path]]:
    """Parts of the dates whose rows are told apart by the same key and watermark."""
    found = {day: _parts(root / day.isoformat()) for day in dates}
    return {day: parts for day, parts in found.items() if parts and _reading(parts[-1]).knows_rows_as(reading)}
