"""Files appear under their final name whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def temporary(path: Path) -> Path:
    """Where this process writes what will be placed at `path`; a killed process leaves it behind for `sweep`."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def place(path: Path) -> None:
    """Flush the temporary file of `path` to disk and rename it over `path`."""
    with temporary(path).open("rb") as file:
        os.fsync(file.fileno())
    temporary(path).replace(path)


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Yield the temporary path of `path` and place it at the end; after an error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary(path)
        place(path)
    finally:
        temporary(path).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed process left behind. The caller holds the lock of the folder."""
    for stale in folder.glob(".*.tmp"):
        stale.unlink(missing_ok=True)
