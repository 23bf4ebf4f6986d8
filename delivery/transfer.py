"""Packages at the bank's delivery target: a folder, an SFTP server or an S3-compatible store.

`delivery/` always holds every package; a target gets copies below `<date>/<list>/<branch>/<recipient>/`. Each file is
uploaded under a temporary name, read back and compared, then renamed; the manifest comes last. A package whose files
do not fit its manifest is being replaced at that moment.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec  # type: ignore[import-untyped]
from sqlalchemy import ColumnElement, func, select

from delivery.manifest import MANIFEST, Manifest, read_manifest
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError, ToolBrokenError
from qianmo.settings import target_credentials

ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.5
"""Before the second attempt; doubled before each further one."""
TIMEOUT_SECONDS = 60

Progress = Callable[[str], None]


def transfer(bank: Bank, business_date: date, progress: Progress) -> int:
    """Copy to the target what it does not have yet, up to a date; returns the number of packages copied.

    A date that could not be copied is made up for, oldest first. A target that has nothing yet gets the date alone, not
    what recipients were sent before there was one.

    Raises:
        ConfigurationError: the target or its credentials are not as they should be.
        ToolBrokenError: the target could not be written, after several attempts. What arrived stays and is not sent
            again.
    """
    target = target_of(bank)
    if target is None:
        return 0
    waiting: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for one in ledger.rows(bank.home, ledger.delivery, *_not_copied(target, business_date)):
        waiting[one["business_date"]][one["delivery_id"]] = one
    copied = 0
    connection = _Connection(target)
    try:
        for day, recorded in sorted(waiting.items()):
            root = bank.home.delivery / day
            for path in sorted(root.glob(f"*/*/*/{MANIFEST}")):
                manifest = read_manifest(path.parent)
                row = recorded.get(manifest.delivery_id) if manifest else None
                if manifest is None or row is None:
                    continue
                connection.place(path.parent, manifest, f"{day}/{path.parent.relative_to(root).as_posix()}")
                with ledger.transaction(bank.home) as transaction:
                    ledger.put(transaction, ledger.delivery, row | {"target": target})
                copied += 1
    finally:
        connection.close()
    if copied:
        progress(f"{business_date}: {copied} packages copied to {target}")
    return copied


def target_of(bank: Bank) -> str | None:
    """The delivery target as the ledger names it."""
    return bank.delivery_target.rstrip("/") if bank.delivery_target else None


def delete_copies(target: str, names: Iterable[str]) -> Iterator[str]:
    """Delete packages' folders at the target; each name follows once it is gone, also where it was not there.

    Raises:
        ConfigurationError: the target or its credentials are not as they should be.
        ToolBrokenError: it was not gone after several attempts.
    """
    connection = _Connection(target)
    try:
        for name in names:
            connection.delete(name)
            yield name
    finally:
        connection.close()


def _not_copied(target: str, business_date: date) -> list[ColumnElement[bool]]:
    """Dates are copied in order: the last one of which anything arrived is the first that may lack something."""
    day, arrived = ledger.delivery.c.business_date, ledger.delivery.c.target == target
    last = select(func.max(day)).where(arrived, day <= business_date.isoformat()).scalar_subquery()
    return [
        day >= func.coalesce(last, business_date.isoformat()),
        day <= business_date.isoformat(),
        ledger.delivery.c.target.is_distinct_from(target),
    ]


class _Connection:
    """A target that is connected when it is first written to, and anew after an error."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._system: Any = None

    def place(self, folder: Path, manifest: Manifest, name: str) -> None:
        """Bring a package's folder at the target to what its manifest says."""
        self._try(
            lambda: self._place(folder, manifest, name),
            f"{name} could not be copied to {self._target}",
            "run `qianmo deliver` for the date again, or leave it to the next one; what arrived is not sent twice",
        )

    def delete(self, name: str) -> None:
        """Delete a package's folder at the target."""
        self._try(
            lambda: self._delete(name),
            f"{name} could not be deleted at {self._target}",
            "run `qianmo retention` again, or leave it to the next Sunday",
        )

    def _try(self, action: Callable[[], None], failed: str, advice: str) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._system = self._system or _connect(self._target)
                action()
                return
            except _broken() as error:
                self.close()
                if attempt == ATTEMPTS:
                    raise ToolBrokenError(
                        f"{failed} in {ATTEMPTS} attempts ({type(error).__name__}: {error}): mend the connection and"
                        f" {advice}"
                    ) from None
                time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1))

    def close(self) -> None:
        """End the connection."""
        client = getattr(self._system, "client", None)
        self._system = None
        if client is not None:
            with suppress(Exception):  # it may be what broke
                client.close()

    def _place(self, folder: Path, manifest: Manifest, name: str) -> None:
        remote = f"{_path(self._target)}/{name}"
        self._system.makedirs(remote, exist_ok=True)
        for file in (*manifest.files, MANIFEST):
            self._upload((folder / file).read_bytes(), remote, file)
        kept = {*manifest.files, MANIFEST}
        for path in self._system.ls(remote, detail=False):
            if path.rpartition("/")[2] not in kept:
                self._system.rm_file(path)

    def _delete(self, name: str) -> None:
        remote = f"{_path(self._target)}/{name}"
        if self._system.exists(remote):
            self._system.rm(remote, recursive=True)
        if self._system.exists(remote):
            raise OSError(f"{name} was deleted and is there still")

    def _upload(self, content: bytes, remote: str, name: str) -> None:
        is_object = _scheme(self._target) == "s3"
        # An object appears whole or not at all; in a folder a reader could see half a file.
        temporary = f"{remote}/{name}" if is_object else f"{remote}/.{name}.part"
        self._system.pipe_file(temporary, content)
        found = self._system.cat_file(temporary)
        if sha256(found).digest() != sha256(content).digest():
            raise OSError(f"{name}: {len(content)} bytes were sent, {len(found)} other bytes are there")
        if not is_object:
            self._system.mv(temporary, f"{remote}/{name}")


def _scheme(target: str) -> str:
    return urlsplit(target).scheme or "file"


def _path(target: str) -> str:
    parts = urlsplit(target)
    return (f"{parts.netloc}{parts.path}" if parts.scheme == "s3" else parts.path).rstrip("/")


def _broken() -> tuple[type[Exception], ...]:
    """What a network and a server break with."""
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
    from paramiko import SSHException  # type: ignore[import-untyped]

    return (OSError, EOFError, SSHException, BotoCoreError)


def _connect(target: str) -> Any:
    parts = urlsplit(target)
    if parts.username or parts.password:
        raise ConfigurationError(
            "delivery.target in bank.yml holds a user or a password: set QIANMO_DELIVERY_USER and"
            " QIANMO_DELIVERY_PASSWORD instead"
        )
    credentials = target_credentials()
    match _scheme(target):
        case "file":
            return fsspec.filesystem("file", auto_mkdir=True)
        case "s3":
            return fsspec.filesystem(
                "s3",
                key=credentials.user,
                secret=credentials.password.get_secret_value() if credentials.password else None,
                endpoint_url=credentials.endpoint_url,
                use_listings_cache=False,
                skip_instance_cache=True,
                config_kwargs={"connect_timeout": TIMEOUT_SECONDS, "read_timeout": TIMEOUT_SECONDS},
            )
        case "sftp":
            from delivery.sftp import sftp

            return sftp(parts.hostname or "", parts.port or 22, credentials, TIMEOUT_SECONDS)
        case other:
            raise ConfigurationError(
                f"delivery.target in bank.yml starts with {other}: expected a folder, sftp://host[:port]/folder or"
                " s3://bucket/folder"
            )
