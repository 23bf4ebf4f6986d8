"""The vault: surrogate and raw value of names, ID numbers, phones, account numbers and addresses, encrypted.

A file belongs to one table and business date: `<source>/<table>/<date>.parquet`, or any file below
`<source>/<table>/<date>/`. Its metadata say under which surrogate key its rows stand.
"""

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.contract import VaultKind
from ingestion.encryption import open_encrypted
from ingestion.surrogate import define
from qianmo.home import BankHome
from qianmo.ledger import put, transaction, vault_access
from qianmo.settings import Key, keys

SCHEMA = pa.schema([("kind", pa.string()), ("key", pa.string()), ("value", pa.string())])
GROUP_ROWS = 1 << 16
"""Rows of a row group, ordered by kind and key: small enough for its statistics to rule it out."""


def reveal(
    home: BankHome,
    kinds: Sequence[VaultKind],
    surrogates: pa.Table | Sequence[str],
    purpose: str,
    recipient: str,
) -> pa.Table:
    """Raw values of surrogates: (kind, key, value), one row per key found. For `delivery/` alone.

    `surrogates` is a sequence or a table with a column `key`. The use is recorded in the ledger before the values are
    handed out. Surrogates made with a previous key (of marts published before a rotation) are found as long as the
    key is among `surrogate_keys_previous`.

    Raises:
        ConfigurationError: a file of the vault was written with a vault key that this installation does not have.
    """
    asked = surrogates["key"].to_pylist() if isinstance(surrogates, pa.Table) else surrogates
    wanted = _Wanted(kinds, asked)
    by_table = _files_by_table(home)
    wanted.look_through(by_table)
    if keys().previous("surrogate"):  # files may stand under another key than what is asked for
        for key in keys().known("surrogate").values():
            wanted.look_through(by_table, key)
    values = wanted.found()
    with transaction(home) as connection:
        put(
            connection,
            vault_access,
            {
                "purpose": purpose,
                "kinds": ",".join(sorted(kinds)),
                "recipient": recipient,
                "values_asked": wanted.asked,
                "values_read": values.num_rows,
            },
        )
    return values


def _files_by_table(home: BankHome) -> list[list[Path]]:
    """The vault's files of each table, the largest first, in the tables as in the list."""
    tables = [
        sorted(folder.rglob("*.parquet"), key=lambda path: (-path.stat().st_size, path))
        for folder in sorted(home.vault.glob("*/*"))
    ]
    return sorted((files for files in tables if files), key=lambda files: -files[0].stat().st_size)


class _Wanted:
    """Surrogates that are looked for, and the values found for them so far.

    A surrogate belongs to one value of one kind, so it is not looked for again once it is found.
    """

    def __init__(self, kinds: Sequence[VaultKind], surrogates: Sequence[str]) -> None:
        self._kinds = pa.array(sorted(kinds), pa.string())
        self._left = pa.array(sorted(set(surrogates)), pa.string())
        self._found: list[pa.Table] = []
        self.asked = len(self._left)

    def found(self) -> pa.Table:
        return pa.concat_tables([SCHEMA.empty_table(), *self._found]).sort_by(
            [("kind", "ascending"), ("key", "ascending")]
        )

    def look_through(self, by_table: list[list[Path]], key: Key | None = None) -> None:
        """Look into files until everything is found.

        One value may be in hundreds of files and one copy is enough. So the largest file of each table (a full
        unload) goes first, and then the tables that had most of what was still wanted.
        """
        had: list[tuple[int, list[Path]]] = []
        for first, *others in by_table:
            before = len(self._left)
            self.look_into(first, key)
            had.append((before - len(self._left), others))
        for _, others in sorted(had, key=lambda one: -one[0]):
            for path in others:
                self.look_into(path, key)

    def look_into(self, path: Path, key: Key | None = None) -> None:
        """Take what is wanted from a file, reading only row groups that may hold some.

        With `key`, surrogates are made with it from the values, instead of taking those that are stored.
        """
        if not len(self._left):
            return
        with open_encrypted(path) as file:
            if not (groups := self._groups(file, any_key=key is not None)):
                return
            rows = file.read_row_groups(groups)
        rows = rows.filter(pc.is_in(rows["kind"], self._kinds))
        if key:
            rows = _keyed(rows, key)
        rows = rows.filter(pc.is_in(rows["key"], self._left))
        if rows.num_rows:
            # a file may hold a value more than once
            rows = rows.group_by(["kind", "key"]).aggregate([("value", "min")]).rename_columns(SCHEMA.names)
            self._found.append(rows)
            self._left = self._left.filter(pc.invert(pc.is_in(self._left, rows["key"])))

    def _groups(self, file: pq.ParquetFile, any_key: bool) -> list[int]:
        """Row groups whose statistics do not rule out every wanted kind and key."""
        metadata = file.metadata
        return [
            group
            for group in range(metadata.num_row_groups)
            if _may_hold(metadata.row_group(group).column(0).statistics, self._kinds)
            and (any_key or _may_hold(metadata.row_group(group).column(1).statistics, self._left))
        ]


def _may_hold(statistics: pq.Statistics | None, ascending: pa.StringArray) -> bool:
    """Whether one of the values lies between the least and the greatest of a column."""
    if statistics is None or not statistics.has_min_max:
        return True
    at = bisect_left(ascending, statistics.min, key=lambda value: value.as_py())
    return at < len(ascending) and bool(ascending[at].as_py() <= statistics.max)


def _keyed(rows: pa.Table, key: Key) -> pa.Table:
    """The rows with surrogates made with a key; in memory alone, since the values must not be spilled to disk."""
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        define(connection, key.secret)
        connection.register("vault_rows", rows)
        keyed = connection.execute("select kind, surrogate(kind, value) as key, value from vault_rows")
        return keyed.to_arrow_table()
