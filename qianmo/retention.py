"""Deleting what has been kept long enough, with proof: what it was, its SHA-256, under which rule, when it was gone.

The vault, landing and the ledger itself are no part of it: frozen batches and the warehouse need them. A deletion is
written down before it is done and confirmed after it, so a killed run is taken up by the next. A package's copy at the
delivery target goes with it; at a target that is no longer the bank's nothing can be deleted, and that is told.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
from sqlalchemy import update

from delivery.approval import pending
from delivery.deliver import last_deliveries
from delivery.lock import alone
from delivery.manifest import MANIFEST, read_manifest
from delivery.transfer import delete_copies, target_of
from ingestion.bank import Bank
from ingestion.land import BATCH_DIGITS
from qianmo import ledger
from qianmo.errors import ToolBrokenError
from serving.publish import current_publication

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Expired:
    """A file or a folder whose time is over."""

    policy: str
    """The rule of bank.yml, `retention.<name>`."""
    days: int
    path: Path
    since: date
    """From when the days count: its business date, or the day it was written when that is later."""


def today(bank: Bank) -> date:
    """The calendar date where the bank is."""
    return datetime.now(ZoneInfo(bank.timezone)).date()


def expired(bank: Bank, as_of: date) -> list[Expired]:
    """What may be deleted on a date, oldest first.

    Left out, however old: packages with rows that are still valid, and batches that rows published now come from, that
    wait for a decision, or that say what a recipient has.
    """
    kept = bank.retention
    found = [
        *_of("deliveries", kept.deliveries, _packages(bank, as_of)),
        *_of("list_batches", kept.list_batches, _batches(bank)),
        *_of("quarantine", kept.quarantine, _quarantined(bank)),
        *_of("superseded", kept.superseded, _superseded(bank)),
    ]
    due = [one for one in found if one.since + timedelta(days=one.days) <= as_of]
    return sorted(due, key=lambda one: (one.since, str(one.path)))


def delete_expired(bank: Bank, as_of: date, progress: Progress) -> int:
    """Delete it, and record each deletion; returns how many there were.

    Raises:
        ToolBrokenError: something is there still after it was deleted, or the delivery target cannot be reached; what
            lies in the home is deleted by then.
    """
    with alone(bank.home):
        taken_up = _delete_intended(bank, progress)
        copied = ledger.rows(bank.home, ledger.delivery, ledger.delivery.c.target.is_not(None))
        targets = {row["delivery_id"]: row["target"] for row in copied}
        for one in expired(bank, as_of):
            row = {
                "path": one.path.relative_to(bank.home.root).as_posix(),
                "sha256": digest(one.path),
                "policy": f"retention.{one.policy} {one.days} days from {one.since}",
                "intended_at": ledger.now(),
                "deleted_at": None,
                "target": None,
            }
            intended = [row]
            manifest = read_manifest(one.path) if one.policy == "deliveries" else None
            if manifest and (target := targets.get(manifest.delivery_id)):
                path = one.path.relative_to(bank.home.delivery).as_posix()
                intended.append(row | {"path": path, "target": target})
            with ledger.transaction(bank.home) as connection:
                ledger.put(connection, ledger.deletion, *intended)
                if one.path.parent == bank.home.list_batches:  # a delivery does not look for it from now on
                    frozen = update(ledger.delivery).where(ledger.delivery.c.batch_id == one.path.name)
                    connection.execute(frozen.values(snapshot=None))
        return taken_up + _delete_intended(bank, progress) + _delete_copies(bank, progress)


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of its files' names and digests in order."""
    if path.is_file():
        return sha256(path.read_bytes()).hexdigest()
    files = sorted(one for one in path.rglob("*") if one.is_file())
    lines = (f"{one.relative_to(path).as_posix()} {sha256(one.read_bytes()).hexdigest()}\n" for one in files)
    return sha256("".join(lines).encode()).hexdigest()


def _delete_intended(bank: Bank, progress: Progress) -> int:
    intended = ledger.rows(bank.home, ledger.deletion, deleted_at=None, target=None)
    for row in intended:
        _delete(bank, row)
        _confirm(bank, row, progress)
    return len(intended)


def _delete_copies(bank: Bank, progress: Progress) -> int:
    target = target_of(bank)
    intended = {}
    for row in ledger.rows(bank.home, ledger.deletion, ledger.deletion.c.target.is_not(None), deleted_at=None):
        if row["target"] == target:
            intended[row["path"]] = row
        else:
            progress(f"{row['path']} is left at {row['target']}, which is not the bank's delivery target any more")
    if target is not None:
        for path in delete_copies(target, intended):
            _confirm(bank, intended[path], progress)
    return len(intended)


def _delete(bank: Bank, row: Mapping[str, object]) -> None:
    path = bank.home.root / str(row["path"])
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.exists():
        raise ToolBrokenError(f"{path} was deleted and is there still: look at the file system, then run it again")
    folder = path.parent
    while folder.parent != bank.home.root:  # what is empty now says nothing any more
        try:
            folder.rmdir()
        except OSError:
            break
        folder = folder.parent


def _confirm(bank: Bank, row: dict[str, object], progress: Progress) -> None:
    with ledger.transaction(bank.home) as connection:
        ledger.put(connection, ledger.deletion, row | {"deleted_at": ledger.now()})
    progress(f"deleted {row['path']}{' at ' + str(row['target']) if row['target'] else ''} ({row['policy']})")


def _of(policy: str, days: int, dated: Iterator[tuple[Path, date]]) -> Iterator[Expired]:
    return (Expired(policy, days, path, since) for path, since in dated)


def _packages(bank: Bank, as_of: date) -> Iterator[tuple[Path, date]]:
    for path in bank.home.delivery.glob(f"2*/*/*/*/{MANIFEST}"):
        manifest = read_manifest(path.parent)
        if manifest is None or manifest.expires_on is None or manifest.expires_on < as_of.isoformat():
            yield path.parent, _since(path, path.relative_to(bank.home.delivery).parts[0])


def _batches(bank: Bank) -> Iterator[tuple[Path, date]]:
    needed = _needed_batches(bank)
    for path in bank.home.list_batches.glob("*-????????"):
        if path.name not in needed:
            with suppress(ValueError):
                yield path, _since(path, path.name.rpartition("-")[2])


def _needed_batches(bank: Bank) -> set[str]:
    needed = {row["batch_id"] for row in pending(bank.home)}
    needed |= {row["batch_id"] for row in last_deliveries(bank.home) if row["rows"]}
    publication = current_publication(bank)
    if publication is None:
        return needed
    with duckdb.connect(str(bank.home.published / publication.file), read_only=True) as marts:
        open_rows = marts.execute(
            "select distinct batch_id from marts.mart_marketing_list where business_date = ?",
            [date.fromisoformat(publication.business_date)],
        ).fetchall()
    return needed | {batch_id for (batch_id,) in open_rows}


def _quarantined(bank: Bank) -> Iterator[tuple[Path, date]]:
    for path in bank.home.quarantine.glob("*/*/*"):
        with suppress(ValueError):  # not of a date
            yield path, _since(path, path.name.removesuffix(".parquet"))


def _superseded(bank: Bank) -> Iterator[tuple[Path, date]]:
    for row in ledger.rows(bank.home, ledger.landing_version):
        folder = bank.home.superseded / row["source"] / row["table_name"] / row["business_date"]
        path = folder / f"{row['content_sha256'][:BATCH_DIGITS]}.parquet"
        if row["superseded_at"] and path.exists():
            yield path, date.fromisoformat(row["superseded_at"][:10])


def _since(path: Path, business_date: str) -> date:
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    return max(date.fromisoformat(business_date), written)
