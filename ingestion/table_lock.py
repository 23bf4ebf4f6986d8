"""One process at a time changes what is stored of a table."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from ingestion.placing import sweep
from qianmo.home import BankHome


@contextmanager
def table_lock(home: BankHome, source: str, table: str) -> Iterator[None]:
    """Wait for the table, hold it, and remove what a killed holder left behind. A killed process frees its lock."""
    folders = [root / source / table for root in (home.landing, home.vault, home.quarantine)]
    folders[0].mkdir(parents=True, exist_ok=True)
    with (folders[0] / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in folders:
            sweep(folder)
        yield
