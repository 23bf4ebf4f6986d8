"""Files appear under their final name whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; at the end flush it to disk and rename it over `path`.

    After an error the temporary file is removed. A killed process leaves one behind; `sweep` removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed process left behind. The caller holds the lock of the folder."""
    for stale in folder.glob(".*.tmp"):
        stale.unlink(missing_ok=True)
