"""Rotating keys: every file that was written with a previous key is written again with the current one.

Each file is replaced by rename while its table is locked, and says itself which key it was made with. So a rotation
may be killed at any moment: the next one takes up the files that are left.
"""

import fcntl
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import update

from ingestion.contract import Column, contracts
from ingestion.encryption import (
    encrypt_again,
    file_metadata,
    is_encrypted,
    open_encrypted,
    vault_key_id,
    write_encrypted,
)
from ingestion.key_use import keys_in_use, record_key_use, retire_key
from ingestion.mapping import literal, quoted
from ingestion.placing import placed
from ingestion.surrogate import SURROGATE_KEY_ID, define, derived, keyed_parts
from ingestion.table_lock import table_lock
from ingestion.vault import SCHEMA
from qianmo import ledger
from qianmo.build import PENDING
from qianmo.errors import ConfigurationError, ToolBrokenError
from qianmo.home import BankHome, home_root
from qianmo.settings import KEY_KINDS, Key, KeyKind, fresh_key, from_environment, keys, setting, write_keys

Progress = Callable[[str], None]

_MEMORY_LIMIT = "2GiB"
_NOTHING_VAULTED = "(select null::varchar as kind, null::varchar as key, null::varchar as value)"
UNKNOWN = "unknown"
"""Stands for the surrogate key of a file that does not name it, or cannot be opened for want of its vault key."""


@dataclass(frozen=True)
class KeyState:
    """A key of the installation, or one that files need."""

    kind: KeyKind
    key_id: str
    state: str
    """current, previous, or missing: files need it and no setting has it."""
    first_used: str | None
    last_used: str | None
    files: int
    """Of every bank below QIANMO_HOME. A vault file counts for its vault key and for its surrogate key."""


@dataclass(frozen=True)
class Rotation:
    """What a rotation did."""

    kind: KeyKind
    key_id: str
    """The current key now."""
    previous: list[str]
    """Ids of the keys that are still set as previous ones."""
    files: int
    """Files that were written again."""


def banks() -> list[BankHome]:
    """Every bank below QIANMO_HOME: one installation's keys serve all of them."""
    return [BankHome(path.parent) for path in sorted(home_root().glob("*/ledger.sqlite"))]


def files_by_key(home: BankHome, kind: KeyKind) -> dict[str, list[Path]]:
    """The bank's files by the id of the key they were made with; UNKNOWN where that cannot be seen."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path, key_id in (_vault_key_files if kind == "vault" else _surrogate_key_files)(home):
        files[key_id].append(path)
    return dict(files)


def _vault_key_files(home: BankHome) -> Iterator[tuple[Path, str]]:
    """Every encrypted file, wherever it lies: vault, quarantine, database extracts."""
    for area in _areas(home):
        for path in sorted(area.rglob("*.parquet")):
            with suppress(FileNotFoundError):  # a landing that is under way replaced it
                if is_encrypted(path):
                    yield path, vault_key_id(path)


def _surrogate_key_files(home: BankHome) -> Iterator[tuple[Path, str]]:
    for contract in contracts().values():
        if any(column.vault for column in contract.columns):
            for _, path in _landed_files(home, contract.source, contract.table):
                with suppress(FileNotFoundError), pq.ParquetFile(path) as file:
                    yield path, file_metadata(file).get(SURROGATE_KEY_ID, UNKNOWN)
            for _, path in _vault_files(home, contract.source, contract.table):
                with suppress(FileNotFoundError):
                    if vault_key_id(path) not in keys().known("vault"):
                        yield path, UNKNOWN
                        continue
                    with open_encrypted(path) as file:
                        yield path, file_metadata(file).get(SURROGATE_KEY_ID, UNKNOWN)


def _areas(home: BankHome) -> list[Path]:
    """The folders of a bank that may hold `<source>/<table>/...`, without what the sources delivered."""
    return [folder for folder in sorted(home.root.iterdir()) if folder.is_dir() and folder != home.inbox]


def _landed_files(home: BankHome, source: str, table: str) -> list[tuple[str, Path]]:
    """Business date and path of landed files, superseded ones too; not the empty one of the contract."""
    return [
        (_date_of(folder, path), path)
        for folder in (home.landing / source / table, home.superseded / source / table)
        for path in sorted(folder.rglob("*.parquet"))
        if path.name != "_contract.parquet"
    ]


def _vault_files(home: BankHome, source: str, table: str) -> list[tuple[str, Path]]:
    folder = home.vault / source / table
    return [(_date_of(folder, path), path) for path in sorted(folder.rglob("*.parquet"))]


def _date_of(folder: Path, path: Path) -> str:
    """The business date of `<date>.parquet` or `<date>/...` in a folder."""
    return path.relative_to(folder).parts[0].removesuffix(".parquet")


def key_states() -> list[KeyState]:
    """Every key that is set or needed, the current ones first."""
    states = []
    for kind in KEY_KINDS:
        files: dict[str, int] = defaultdict(int)
        used: dict[str, list[str]] = defaultdict(list)
        for home in banks():
            for key_id, paths in files_by_key(home, kind).items():
                files[key_id] += len(paths)
            for row in ledger.rows(home, ledger.key_use, kind=kind):
                used[row["key_id"]] += [row["first_used"], row["last_used"]]
        current, *previous = keys().known(kind)
        missing = sorted(key_id for key_id in files if key_id not in (current, *previous))
        for state, ids in (("current", [current]), ("previous", previous), ("missing", missing)):
            for key_id in ids:
                moments: list[str | None] = [*sorted(used[key_id])] or [None]
                states.append(KeyState(kind, key_id, state, moments[0], moments[-1], files[key_id]))
    return states


def rotate(kind: KeyKind, progress: Progress) -> Rotation:
    """Bring every file to the current key; if all are there already, make a new key first.

    Raises:
        ConfigurationError: a new key is wanted, but keys come from the environment (the message says what to set); or
            a file needs a vault key that this installation does not have.
    """
    with _alone():
        for home in banks():
            _check_vault_opens(home)
        if any(_is_behind(home, kind) for home in banks()):
            progress(f"{kind} key {keys().current(kind).id}: taking up a rotation that is not finished")
        else:
            _make_key(kind)
            progress(f"{kind} key {keys().current(kind).id} is the current one now")
        written = sum(_rotate_bank(home, kind, progress) for home in banks())
    current, *previous = keys().known(kind)
    return Rotation(kind, current, previous, written)


def _check_vault_opens(home: BankHome) -> None:
    """Before anything is written: every file that a rotation may have to read can be opened."""
    for path, key_id in _vault_key_files(home):
        if key_id not in keys().known("vault"):
            with open_encrypted(path):
                pass


@contextmanager
def _alone() -> Iterator[None]:
    """One rotation at a time; a killed one frees its lock."""
    with (home_root() / ".rotation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        keys.cache_clear()
        yield


def drop_previous(kind: KeyKind) -> list[str]:
    """Take the previous keys of a kind out of the settings; returns their ids.

    Raises:
        ConfigurationError: a file or the published marts still need one, or they are set in the environment.
    """
    previous = [key.id for key in keys().previous(kind)]
    for home in banks():
        if _is_behind(home, kind):
            raise ConfigurationError(
                f"files of {home.root.name} still need a previous {kind} key: `qianmo keys rotate {kind}` first"
            )
        if kind == "surrogate" and previous and not _is_published_since(home):
            raise ConfigurationError(
                f"the published marts of {home.root.name} still hold surrogates of the previous key, which delivery"
                " looks up: build and publish (`qianmo run --date <last business date>`) first"
            )
    name = f"{kind}_keys_previous"
    if from_environment(name):
        raise ConfigurationError(
            f"no file needs {kind} key {', '.join(previous)} any more; it comes from the environment:"
            f" remove {setting(name)} there"
        )
    write_keys({name: ""})
    return previous


def _is_behind(home: BankHome, kind: KeyKind) -> bool:
    """Whether a file of the bank, or its ledger, is not at the current key."""
    current = keys().current(kind).id
    return bool({*files_by_key(home, kind), *keys_in_use(home, kind)} - {current})


def _is_published_since(home: BankHome) -> bool:
    """Whether marts were published after the last surrogate key was retired, or never."""
    retired = [row["retired_at"] for row in ledger.rows(home, ledger.key_use, kind="surrogate") if row["retired_at"]]
    published = [row["recorded_at"] for row in ledger.rows(home, ledger.publication)]
    return not retired or not published or max(published) >= max(retired)


def _make_key(kind: KeyKind) -> None:
    """Set a new current key in the keys file; the one that was current becomes the newest previous one."""
    current, previous = f"{kind}_key", f"{kind}_keys_previous"
    if from_environment(current, previous):
        raise ConfigurationError(
            f"the {kind} key comes from the environment, so that a new one must be set there: move the value of"
            f" {setting(current)} to the front of {setting(previous)} (separated by a comma), set {setting(current)}"
            " to 32 new random bytes as hex (`openssl rand -hex 32`), in every process of the installation, then run"
            f" `qianmo keys rotate {kind}` again"
        )
    all_keys = [key.secret.hex() for key in keys().known(kind).values()]
    write_keys({current: fresh_key(), previous: ",".join(all_keys)})


def _rotate_bank(home: BankHome, kind: KeyKind, progress: Progress) -> int:
    """Bring a bank's files to the current key, table by table; returns how many were written."""
    current = keys().current(kind).id
    with ledger.transaction(home) as connection:
        record_key_use(connection, [kind])
    written = 0
    # A landing that was under way goes on with the key it started with: what it wrote is found by another round.
    while pending := {i: paths for i, paths in files_by_key(home, kind).items() if i != current}:
        tables = sorted({_table_of(home, path) for paths in pending.values() for path in paths})
        for number, (source, table) in enumerate(tables, 1):
            with table_lock(home, source, table):
                done = (_encrypt_table if kind == "vault" else _rekey_table)(home, source, table)
            written += done
            progress(f"{home.root.name} {source}.{table}: {done} files ({number} of {len(tables)} tables)")
    others = [key_id for key_id in keys_in_use(home, kind) if key_id != current]
    if kind == "surrogate" and others:
        # customer ids follow from surrogates: nothing of the warehouse stays
        for path in (home.warehouse, home.warehouse.with_name(f"{home.warehouse.name}.wal")):
            path.unlink(missing_ok=True)
    with ledger.transaction(home) as connection:
        if kind == "surrogate" and others:
            connection.execute(update(ledger.build).values(input_digest=PENDING))
        for key_id in others:
            retire_key(connection, kind, key_id)
    return written


def _table_of(home: BankHome, path: Path) -> tuple[str, str]:
    """(source, table) of `<area>/<source>/<table>/...`."""
    _, source, table, *_ = path.relative_to(home.root).parts
    return source, table


def _encrypt_table(home: BankHome, source: str, table: str) -> int:
    current = keys().current("vault").id
    pending = [
        path
        for area in _areas(home)
        for path in sorted((area / source / table).rglob("*.parquet"))
        if is_encrypted(path) and vault_key_id(path) != current
    ]
    for path in pending:
        encrypt_again(path)
    return len(pending)


def _rekey_table(home: BankHome, source: str, table: str) -> int:
    """Re-key the landed files of a table, then its vault files, date by date.

    In this order, because the vault knows which value a landed surrogate stands for; the surrogate key that was used
    before is not needed, so that a lost one is no loss. The latest date goes first: a row that says that a key is
    gone has its value in the vault of an earlier date.
    """
    written = 0
    landed, vaulted = _by_date(_landed_files(home, source, table)), _by_date(_vault_files(home, source, table))
    for day in sorted({*landed, *vaulted}, reverse=True):
        earlier = [path for other, paths in vaulted.items() if other < day for path in paths]
        written += _rekey_landed(source, table, landed.get(day, []), vaulted.get(day, []), earlier)
        for path in vaulted.get(day, []):
            written += _rekey_vault(path)
    return written


def _by_date(files: list[tuple[str, Path]]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for day, path in files:
        found[day].append(path)
    return found


def _rekey_landed(source: str, table: str, landed: list[Path], vaulted: list[Path], earlier: list[Path]) -> int:
    """Give landed files of a date surrogates of the current key; those that have them are left alone.

    `vaulted` are the vault's files of the date, `earlier` those of the dates before it.
    """
    current = keys().current("surrogate")
    pending = []
    for path in landed:
        with pq.ParquetFile(path) as file:
            if file_metadata(file).get(SURROGATE_KEY_ID) != current.id:
                pending.append((path, file.schema_arrow.names, file_metadata(file)))
    if not pending:
        return 0
    vault_columns = [column for column in contracts()[f"{source}.{table}"].columns if column.vault]
    with _in_memory(current) as connection:
        rekeyed = _rekeyed(vault_columns)
        connection.execute(f"create table rekeyed as select key, {rekeyed} from {_NOTHING_VAULTED} where false")
        _add_rekeyed(connection, rekeyed, vaulted)
        has_earlier = False
        for path, names, metadata in pending:
            columns = [column for column in vault_columns if f"{column.name}_key" in names]
            joins = "".join(
                f" left join rekeyed as {quoted(c.name)} on {quoted(c.name)}.key = landed.{quoted(f'{c.name}_key')}"
                for c in columns
            )
            rows = f"read_parquet({literal(str(path))}) as landed{joins}"
            lost = " or ".join(
                f"(landed.{quoted(f'{c.name}_key')} is not null and {quoted(c.name)}.key is null)" for c in columns
            )
            count_lost = f"select count(*) from {rows} where {lost}"
            if not has_earlier and _count(connection, count_lost):
                _add_rekeyed(connection, rekeyed, earlier)
                has_earlier = True
            if missing := _count(connection, count_lost):
                raise ToolBrokenError(
                    f"{path}: {missing} rows have surrogates that the vault does not hold, so they cannot be re-keyed:"
                    f" land {source} of that date again from its files, then run `qianmo keys rotate surrogate` again"
                )
            new = ", ".join(
                f"{quoted(column.name)}.{quoted(f'new_{part}')} as {quoted(f'{column.name}_{part}')}"
                for column in columns
                for part in keyed_parts(column)
                if f"{column.name}_{part}" in names
            )
            stated = {**metadata, SURROGATE_KEY_ID: current.id}
            about = ", ".join(f"{literal(name)}: {literal(value)}" for name, value in stated.items())
            with placed(path) as temporary:
                connection.execute(
                    f"copy (select landed.* replace ({new}) from {rows} order by landed.source_row)"
                    f" to {literal(str(temporary))} (format parquet, compression zstd, kv_metadata {{{about}}})"
                )
    return len(pending)


def _in_memory(key: Key) -> duckdb.DuckDBPyConnection:
    """A DuckDB that makes surrogates with a key, and does not spill the raw values it is given to disk."""
    connection = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": ""})
    define(connection, key.secret)
    return connection


def _rekeyed(vault_columns: list[Column]) -> str:
    """SQL over vault rows: what the surrogates that follow from a value become, each part as `new_<part>`."""
    parts: dict[str, dict[str | None, str]] = defaultdict(dict)
    for column in vault_columns:
        sql = derived(column, "value")
        for part in keyed_parts(column):
            parts[part][column.vault] = sql[part]
    cases = {
        part: " ".join(f"when {literal(str(kind))} then {sql}" for kind, sql in by_kind.items())
        for part, by_kind in parts.items()
    }
    return ", ".join(f"case kind {branches} end as {quoted(f'new_{part}')}" for part, branches in cases.items())


def _add_rekeyed(connection: duckdb.DuckDBPyConnection, rekeyed: str, vaulted: list[Path]) -> None:
    """Add what the surrogates in vault files become to the table `rekeyed`, each once."""
    for path in vaulted:
        with open_encrypted(path) as file:
            for group in range(file.num_row_groups):
                connection.register("vaulted", file.read_row_group(group))
                connection.execute(
                    f"insert into rekeyed select key, {rekeyed} from (select distinct kind, key, value from vaulted)"
                    " where key not in (select key from rekeyed)"
                )
                connection.unregister("vaulted")


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _rekey_vault(path: Path) -> int:
    """Give a vault file surrogates of the current key, row group by row group; returns 0 where it has them."""
    current = keys().current("surrogate")
    with open_encrypted(path) as file, _in_memory(current) as connection:
        if file_metadata(file).get(SURROGATE_KEY_ID) == current.id:
            return 0

        def groups() -> Iterator[pa.RecordBatch]:
            for group in range(file.num_row_groups):
                connection.register("vaulted", file.read_row_group(group))
                found = connection.execute(
                    "select kind, surrogate(kind, value) as key, value from vaulted order by kind, key"
                ).to_arrow_table()
                yield from found.cast(SCHEMA).combine_chunks().to_batches()

        write_encrypted(path, SCHEMA, groups(), {**file_metadata(file), SURROGATE_KEY_ID: current.id})
    return 1
