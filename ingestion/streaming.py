"""Stages of a landing that overlap: reading, mapping and writing each go on while the others work.

Decoding and splitting, DuckDB and Parquet all leave Python's lock while they work, so threads are enough.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Full, Queue
from typing import TypeVar

import duckdb
import pyarrow as pa

_T = TypeVar("_T")

_WRITER_MEMORY = "400MiB"
_STALLED_SECONDS = 0.2


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, each made in a thread of its own while the one before is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


class ParquetStream:
    """A zstd Parquet file written by DuckDB's threads while more tables are put in; rows keep their order."""

    def __init__(self, path: Path, layout: pa.Schema, selected: str, workspace: Path, metadata: dict[str, str]) -> None:
        """`layout` is that of the tables put in, `selected` what is written of them, in SQL.

        `workspace` is where DuckDB may spill; `metadata` goes into the footer.
        """
        self._path = path
        self._layout = layout
        self._selected = selected
        self._metadata = metadata
        self._workspace = workspace
        self._waiting: Queue[pa.Table | None] = Queue(1)
        self._pool = ThreadPoolExecutor(1)
        self._copy = self._pool.submit(self._write)

    def put(self, table: pa.Table | None) -> None:
        """Add rows; None is the end. Waits while the writer is behind."""
        while not self._copy.done():
            try:
                self._waiting.put(table, timeout=_STALLED_SECONDS)
                return
            except Full:
                continue
        self._copy.result()

    def close(self) -> None:
        """Write what was put in, to its end.

        Raises:
            duckdb.Error: the file could not be written.
        """
        self.put(None)
        try:
            self._copy.result()
        finally:
            self._pool.shutdown()

    def abandon(self) -> None:
        """End without caring for the file."""
        self.put(None) if not self._copy.done() else None
        self._copy.exception()
        self._pool.shutdown()

    def _incoming(self) -> Iterator[pa.RecordBatch]:
        while (table := self._waiting.get()) is not None:
            yield from table.to_batches()

    def _write(self) -> None:
        about = ", ".join(f"{name}: '{value}'" for name, value in self._metadata.items())
        with writing_connection(self._workspace) as connection:
            connection.register("_landed", pa.RecordBatchReader.from_batches(self._layout, self._incoming()))
            connection.execute(
                f"copy (select {self._selected} from _landed) to '{self._path}'"
                f" (format parquet, compression zstd, kv_metadata {{{about}}})"
            )


def writing_connection(workspace: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB for landed rows, which hold no raw identifier and so may spill into a folder."""
    return duckdb.connect(config={"memory_limit": _WRITER_MEMORY, "temp_directory": str(workspace)})
