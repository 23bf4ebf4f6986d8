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
import pyarrow.parquet as pq

_T = TypeVar("_T")

_LANDED_MEMORY = "400MiB"
_DICTIONARY_BYTES = 16 << 20
"""Room for the distinct surrogates of a group of rows."""

_STALLED_SECONDS = 0.2


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, each made in a thread of its own while the one before is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


class ParquetStream:
    """A zstd Parquet file written in a thread of its own while more tables are put in.

    pyarrow's writer takes half the processor time that DuckDB's `copy` takes for the same rows.
    """

    def __init__(self, path: Path, layout: pa.Schema, repeated: list[str]) -> None:
        """`repeated` names the columns of few values, which are worth a dictionary."""
        self._path = path
        self._layout = layout
        self._repeated = repeated
        self._waiting: Queue[pa.Table | None] = Queue(1)
        self._pool = ThreadPoolExecutor(1)
        self._writing = self._pool.submit(self._write)

    def put(self, table: pa.Table | None) -> None:
        """Add rows; None is the end. Waits while the writer is behind."""
        while not self._writing.done():
            try:
                self._waiting.put(table, timeout=_STALLED_SECONDS)
                return
            except Full:
                continue
        self._writing.result()

    def close(self) -> None:
        """Write what was put in, to its end.

        Raises:
            OSError: the file could not be written.
        """
        self.put(None)
        self._writing.result()
        self._pool.shutdown()

    def abandon(self) -> None:
        """End without caring for the file."""
        if not self._writing.done():
            self.put(None)
        self._writing.exception()
        self._pool.shutdown()

    def _write(self) -> None:
        with pq.ParquetWriter(
            self._path,
            self._layout,
            compression="zstd",
            use_dictionary=self._repeated,
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            store_schema=False,
            store_decimal_as_integer=True,
        ) as writer:
            # without the Arrow schema its metadata are not written either
            writer.add_key_value_metadata(self._layout.metadata or {})
            while (table := self._waiting.get()) is not None:
                writer.write_table(table)


def landed_connection(workspace: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB over landed rows, which hold no raw identifier and so may spill into a folder."""
    return duckdb.connect(config={"memory_limit": _LANDED_MEMORY, "temp_directory": str(workspace)})
