"""What was delivered for a business date: the files of each description, and what makes up their content."""

import json
from dataclasses import dataclass
from datetime import date
from glob import has_magic
from hashlib import sha256
from pathlib import Path

from ingestion.bank import Bank, SqlFormat, TableDescription
from ingestion.contract import Contract
from ingestion.control import ControlFile, check_delivery, read_control
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
    fingerprint: str
    """SHA-256 of the files with their lookups and legal basis; empty for SQL."""


def display_name(bank: Bank, path: Path) -> str:
    """A file's name for people: relative to the inbox when it is below it."""
    return str(path.relative_to(bank.inbox)) if path.is_relative_to(bank.inbox) else str(path)


def find_delivery(bank: Bank, description: TableDescription, business_date: date) -> Delivery | None:
    """The delivery of a business date, or None when there is none and none is due.

    Raises:
        DataRefusedError: a file that is due is missing, or the unload differs from its control file.
    """
    if not description.due.may_land(business_date):
        return None
    is_due = description.due.is_due(business_date)
    if isinstance(description.format, SqlFormat):
        return Delivery(description, [], {}, None, _basis(bank, description, business_date), "")
    files = _matches(bank, description.files, business_date, is_due)
    if not files:
        return None
    lookups = {name: _matches(bank, lookup.files, business_date, True) for name, lookup in description.lookups.items()}
    control = read_control(bank.resolve(description.control.file, business_date)) if description.control else None
    basis = _basis(bank, description, business_date)
    size, digest = _content(files)
    if control:
        check_delivery(control, ", ".join(display_name(bank, file) for file in files), business_date, size, digest)
    beside = [_content(paths)[1] for paths in lookups.values()]
    beside.append(_content([basis])[1] if basis and basis.is_file() else "")
    fingerprint = sha256("".join([digest, *beside]).encode()).hexdigest()
    return Delivery(description, files, lookups, control, basis, fingerprint)


def definition_digest(contract: Contract, deliveries: list[Delivery]) -> str:
    """SHA-256 of the contract and the descriptions: a batch read by another definition is another batch."""
    definitions = [d.description.model_dump(mode="json", exclude={"due": True, "format": {"url"}}) for d in deliveries]
    text = json.dumps([contract.model_dump(mode="json"), definitions], sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _basis(bank: Bank, description: TableDescription, business_date: date) -> Path | None:
    return bank.resolve(description.legal_basis, business_date) if description.legal_basis else None


def _matches(bank: Bank, patterns: list[str], business_date: date, is_due: bool) -> list[Path]:
    """Files in the order of the patterns, those of a glob by name."""
    found: list[Path] = []
    for pattern in patterns:
        path = bank.resolve(pattern, business_date)
        is_glob = has_magic(str(path))
        matches = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))) if is_glob else [path]
        existing = [match for match in matches if match.is_file()]
        if not existing and is_due:
            raise DataRefusedError(f"{path}: expected a file for {business_date}, found none")
        found += existing
    return found


def _content(files: list[Path]) -> tuple[int, str]:
    """Bytes and SHA-256 of files, one after the other."""
    size, digest = 0, sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                size += len(block)
                digest.update(block)
    return size, digest.hexdigest()
