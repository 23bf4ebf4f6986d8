"""One process at a time proposes, delivers or deletes what was delivered for a bank."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from qianmo.home import BankHome


@contextmanager
def alone(home: BankHome) -> Iterator[None]:
    """Wait for the others, and hold them off; a killed process frees its lock."""
    home.delivery.mkdir(parents=True, exist_ok=True)
    home.delivery.chmod(0o700)
    with (home.delivery / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
