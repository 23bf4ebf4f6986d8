"""What was delivered for a business date: the files of each description, and what makes up their content."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatch
from glob import has_magic
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingestion.bank import Bank, SqlFormat, TableDescription
from ingestion.contract import Contract
from ingestion.control import ControlFile, check_delivery, check_sha256, read_control
from qianmo.errors import DataRefusedError

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """One description with the files that are there for a business date; SQL sources have none."""

    description: TableDescription
    files: list[Path]
    lookups: dict[str, list[Path]]
    control: ControlFile | None
    legal_basis: Path | None
    digest: Future[str] | None
    """SHA-256 of the files, computed while they are read; None for SQL."""
    stamps: dict[Path, tuple[int, int, int, int]]
    """Size, change times and inode of every file before the first byte was read."""

    @property
    def unload_sha256(self) -> str:
        """SHA-256 of the files alone; empty for SQL."""
        return self.digest.result() if self.digest else ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the files with their lookups and legal basis; empty for SQL."""
        if not self.digest:
            return ""
        beside = [_sha256_of(paths) for paths in self.lookups.values()]
        beside.append(_sha256_of([self.legal_basis]) if self.legal_basis and self.legal_basis.is_file() else "")
        return sha256("".join([self.unload_sha256, *beside]).encode()).hexdigest()

    def check_sha256(self) -> None:
        """Hold the checksum of the files against the control file's.

        Raises:
            DataRefusedError: it differs.
        """
        if self.control:
            check_sha256(self.control, ", ".join(path.name for path in self.files), self.unload_sha256)

    def check_unmoved(self) -> None:
        """Hold the files against how they were found.

        Raises:
            DataRefusedError: one was written, replaced or removed while it was read.
        """
        for path, before in self.stamps.items():
            now = _stamp(path)
            if now != before:
                found = f"it written to since ({now[0]:,} bytes)" if now else "it gone"
                raise DataRefusedError(
                    f"{path}: expected a file that no longer changes ({before[0]:,} bytes when reading began), "
                    f"found {found}. Land again when the sender has finished"
                )


def display_name(bank: Bank, path: Path) -> str:
    """A file's name for people: relative to the inbox when it is below it."""
    return str(path.relative_to(bank.inbox)) if path.is_relative_to(bank.inbox) else str(path)


def find_delivery(bank: Bank, description: TableDescription, business_date: date) -> Delivery | None:
    """The delivery of a business date, or None when there is none and none is due.

    Raises:
        DataRefusedError: a file that is due, or that a control file announces, is missing; one file was expected and
            several are there; or the unload differs from its control file.
    """
    if not description.due.may_land(business_date):
        return None
    is_due = description.due.is_due(business_date)
    basis = _basis(bank, description, business_date)
    if isinstance(description.format, SqlFormat):
        return Delivery(description, [], {}, None, basis, None, {})
    control_file = bank.resolve(description.control.file, business_date) if description.control else None
    announced = control_file is not None and control_file.is_file()
    files = _matches(bank, description.files, business_date, is_due or announced, description.one_file)
    if not files:
        return None
    lookups = {name: _matches(bank, lookup.files, business_date, True) for name, lookup in description.lookups.items()}
    beside = [path for paths in lookups.values() for path in paths] + ([basis] if basis else [])
    stamps = {path: stamp for path in (*files, *beside) if (stamp := _stamp(path))}
    control = None
    if description.control and control_file:
        control = read_control(control_file, description.control.ignore)
    if control:
        size = sum(stamps[file][0] for file in files if file in stamps)
        check_delivery(control, ", ".join(display_name(bank, file) for file in files), business_date, size)
    pool = ThreadPoolExecutor(1)
    digest = pool.submit(_sha256_of, files)
    pool.shutdown(wait=False)
    return Delivery(description, files, lookups, control, basis, digest, stamps)


def landed_delivery(bank: Bank, description: TableDescription, business_date: date, unload_sha256: str) -> Delivery:
    """A delivery that landed earlier, whose files may be gone, with its lookups and legal basis as they are now.

    Raises:
        DataRefusedError: a lookup is missing.
    """
    basis = _basis(bank, description, business_date)
    lookups = {name: _matches(bank, lookup.files, business_date, True) for name, lookup in description.lookups.items()}
    digest: Future[str] | None = Future() if unload_sha256 else None
    if digest:
        digest.set_result(unload_sha256)
    return Delivery(description, [], lookups, None, basis, digest, {})


def describes(bank: Bank, description: TableDescription, name: str, business_date: date) -> bool:
    """Whether a file of this `display_name` is one that the description reads."""
    patterns = [display_name(bank, bank.resolve(pattern, business_date)) for pattern in description.files]
    return any(fnmatch(name, pattern) for pattern in patterns)


def definition_digest(contract: Contract, deliveries: list[Delivery]) -> str:
    """SHA-256 of the contract and the descriptions: a batch read by another definition is another batch.

    When it is awaited and what the gate asks of it change nothing in what is landed.
    """
    left_out: dict[str, Any] = {"due": True, "deadline_hours": True, "format": {"url"}}
    definitions = [d.description.model_dump(mode="json", exclude=left_out) for d in deliveries]
    landed_by = contract.model_dump(mode="json", exclude={"gate": True, "columns": {"__all__": {"planned"}}})
    text = json.dumps([landed_by, definitions], sort_keys=True)
    return sha256(text.encode()).hexdigest()


def content_sha256(contract: Contract, deliveries: list[Delivery], row_digests: list[str]) -> str:
    """SHA-256 of what was delivered and how it is read; `row_digests` are of deliveries that are no files."""
    digests = [definition_digest(contract, deliveries), *(d.fingerprint for d in deliveries), *row_digests]
    return sha256("".join(digests).encode()).hexdigest()


def _basis(bank: Bank, description: TableDescription, business_date: date) -> Path | None:
    return bank.resolve(description.legal_basis, business_date) if description.legal_basis else None


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    """What changes with every write, even one that keeps the size and sets the time back; None without a file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _matches(bank: Bank, patterns: list[str], business_date: date, is_due: bool, one_file: bool = False) -> list[Path]:
    """Files in the order of the patterns, those of a glob by name."""
    found: list[Path] = []
    for pattern in patterns:
        path = bank.resolve(pattern, business_date)
        is_glob = has_magic(str(path))
        matches = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))) if is_glob else [path]
        existing = [match for match in matches if match.is_file()]
        if not existing and is_due:
            raise DataRefusedError(f"{path}: expected a file for {business_date}, found none")
        if one_file and len(existing) > 1:
            names = ", ".join(match.name for match in existing)
            raise DataRefusedError(
                f"{path}: expected one file for {business_date}, found {len(existing)}: {names}. "
                "Leave the one that holds in the inbox"
            )
        found += existing
    return found


def _sha256_of(files: list[Path]) -> str:
    """SHA-256 of files, one after the other."""
    digest = sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise DataRefusedError(f"{path}: expected a file to read, found {error.strerror}") from None
    return digest.hexdigest()
