"""Delivering the lists of a business date: one package per list and recipient, complete or not there at all.

A package is built in a folder of its own below `delivery/.building` and renamed into place; the ledger rows of a list
follow when its packages are placed. Whatever a killed run leaves behind, the next one sweeps, and it keeps every
package that is intact and up to date.
"""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from delivery.encryption import encrypt_xlsx, encrypt_zip
from delivery.manifest import MANIFEST, Manifest, Superseded, is_intact, read_manifest
from delivery.password import derive_password, period
from delivery.rows import PackageRows, read_packages
from delivery.sheet import plain_rows, to_csv, to_xlsx
from ingestion.bank import Bank
from ingestion.contract import VaultKind
from ingestion.vault import reveal
from qianmo import ledger
from qianmo.definitions import DEFINITIONS, MarketingList, lists
from qianmo.errors import DataRefusedError
from qianmo.home import BankHome
from serving.publish import current_publication

_REVEALED: tuple[VaultKind, ...] = ("name", "phone")

Progress = Callable[[str], None]
Revealed = Mapping[tuple[str, str], str]
"""(kind, surrogate) to raw value."""


@dataclass(frozen=True)
class Delivery:
    """A package that is in place; `rows` is 0 where the recipient's earlier package was withdrawn."""

    delivery_id: str
    list_code: str
    recipient_type: str
    recipient: str
    rows: int
    folder: Path
    written: bool
    """False: it was there before, with the same content."""


def deliver(bank: Bank, business_date: date, progress: Progress | None = None) -> list[Delivery]:
    """Place every package of the date as the published marts have it; the same content again does nothing.

    Raises:
        DataRefusedError: the published marts do not reach the date, or a list in them is not defined.
    """
    publication = current_publication(bank)
    if publication is None or publication.business_date < business_date.isoformat():
        reached = "nothing" if publication is None else f"{publication.version}"
        raise DataRefusedError(
            f"lists of {business_date} cannot be delivered: expected marts published for that date, found {reached}; "
            f"run `qianmo publish --date {business_date}` first"
        )
    definitions = {definition.code: definition for definition in lists()}
    packages = read_packages(
        bank.home.published / publication.file,
        business_date,
        {code: definition.recipients for code, definition in definitions.items()},
    )
    with _alone(bank.home, business_date) as building:
        run = _Run(bank, business_date, publication.version, definitions, building, progress or (lambda _: None))
        return run.place(packages)


@dataclass
class _Run:
    """One delivery of one date, while it holds the lock."""

    bank: Bank
    business_date: date
    version: str
    definitions: dict[str, MarketingList]
    building: Path
    progress: Progress

    @property
    def root(self) -> Path:
        return self.bank.home.delivery / self.business_date.isoformat()

    def place(self, packages: Sequence[PackageRows]) -> list[Delivery]:
        hashes = {code: _definition_hash(code) for code in {package.list_code for package in packages}}
        recorded = {
            row["delivery_id"]: row
            for row in ledger.rows(self.bank.home, ledger.delivery, business_date=self.business_date.isoformat())
        }
        standing = {
            package.delivery_id: self._standing(package, hashes[package.list_code], recorded) for package in packages
        }
        revealed = self._reveal([package for package in packages if not standing[package.delivery_id]])
        delivered: list[Delivery] = []
        for code in sorted(hashes):
            mine = [package for package in packages if package.list_code == code]
            written = {
                package.delivery_id: self._write(package, hashes[code], revealed)
                for package in mine
                if not standing[package.delivery_id]
            }
            manifests = [written.get(package.delivery_id) or standing[package.delivery_id] for package in mine]
            self._record([manifest for manifest in manifests if manifest], recorded)
            self.progress(f"{code}: {len(mine)} packages, {len(written)} of them written")
            delivered += [
                _delivery(manifest, self.root / package.folder, manifest.delivery_id in written)
                for package, manifest in zip(mine, manifests, strict=True)
                if manifest
            ]
        return delivered + self._withdraw({package.folder for package in packages}, recorded)

    def _standing(
        self, package: PackageRows, definition_hash: str, recorded: Mapping[str, Mapping[str, object]]
    ) -> Manifest | None:
        """The manifest of a placed package that needs no other; None where one must be written."""
        folder = self.root / package.folder
        manifest = read_manifest(folder)
        if manifest is None or not is_intact(folder, manifest):
            return None
        is_same = (manifest.delivery_id, manifest.source_sha256, manifest.definition_sha256) == (
            package.delivery_id,
            package.source_sha256,
            definition_hash,
        )
        # A row of another package is one that a killed run was replacing; none is one it had not come to.
        row = recorded.get(package.delivery_id)
        return manifest if is_same and (row is None or row == _ledger_row(manifest, row["recorded_at"])) else None

    def _reveal(self, packages: Sequence[PackageRows]) -> Revealed:
        """One pass over the vault for the whole run; what each recipient got of it is recorded with the package."""
        keys = {row[f"{kind}_key"] for package in packages for row in package.rows for kind in _REVEALED} - {None}
        if not keys:
            return {}
        purpose = f"marketing lists of {self.business_date}"
        self.progress(f"reading {len(keys)} names and phones from the vault")
        found = reveal(self.bank.home, _REVEALED, sorted(keys), purpose, "delivery")
        return {(row["kind"], row["key"]): row["value"] for row in found.to_pylist()}

    def _write(self, package: PackageRows, definition_hash: str, revealed: Revealed) -> Manifest:
        definition = self.definitions[package.list_code]
        of_period = period(self.business_date)
        password = derive_password(self.bank.name, package.recipient_type, package.recipient, of_period)
        rows = plain_rows(package, revealed)
        plain = to_csv(rows)
        stem = f"{package.list_code}-{self.business_date:%Y%m%d}-{package.recipient}"
        files = {
            f"{stem}.xlsx": encrypt_xlsx(to_xlsx(package, rows, self.bank.legal_entity_name), password),
            f"{stem}.csv.zip": encrypt_zip(f"{stem}.csv", plain, password),
        }
        target = self.root / package.folder
        earlier = read_manifest(target)
        manifest = Manifest(
            delivery_id=package.delivery_id,
            batch_id=package.batch_id,
            list_code=package.list_code,
            list_name=definition.name,
            definition_sha256=definition_hash,
            business_date=self.business_date.isoformat(),
            version=self.version,
            recipient_type=package.recipient_type,
            recipient=package.recipient,
            recipient_name=package.recipient_name,
            purpose=definition.purpose,
            legal_basis=definition.legal_basis,
            product_code=definition.product_code,
            channel=definition.channel,
            approver=definition.approver,
            material_id=definition.material_id,
            expires_on=max((str(row["valid_until"]) for row in package.rows if row["valid_until"]), default=None),
            rows=len(rows),
            rows_sha256=sha256(plain).hexdigest(),
            source_sha256=package.source_sha256,
            files={name: sha256(content).hexdigest() for name, content in files.items()},
            password_period=of_period,
            supersedes=_superseded(earlier),
        )
        self._put(target, files, manifest)
        return manifest

    def _withdraw(self, current: set[Path], recorded: Mapping[str, Mapping[str, object]]) -> list[Delivery]:
        """Empty the packages of recipients who have no row any more; the manifest that stays behind says so."""
        withdrawn: list[tuple[Manifest, Path, bool]] = []
        for path in sorted(self.root.glob(f"*/*/*/{MANIFEST}")):
            folder = path.parent
            manifest = read_manifest(folder)
            if folder.relative_to(self.root) in current or manifest is None:
                continue
            is_new = bool(manifest.files)
            if is_new:
                nothing = sha256(b"").hexdigest()
                manifest = manifest.model_copy(
                    update={
                        "version": self.version,
                        "rows": 0,
                        "rows_sha256": nothing,
                        "source_sha256": nothing,
                        "files": {},
                        "supersedes": _superseded(manifest),
                    }
                )
                self._put(folder, {}, manifest)
                self.progress(f"{manifest.delivery_id}: withdrawn, no rows any more")
            withdrawn.append((manifest, folder, is_new))
        self._record([manifest for manifest, _, _ in withdrawn], recorded)
        return [_delivery(manifest, folder, is_new) for manifest, folder, is_new in withdrawn]

    def _put(self, target: Path, files: Mapping[str, bytes], manifest: Manifest) -> None:
        """Place a package in one rename; an earlier one is moved out of the way first and swept with the rest."""
        fresh = self.building / "fresh"
        fresh.mkdir()
        for name, content in {**files, MANIFEST: manifest.model_dump_json(indent=2).encode()}.items():
            (fresh / name).write_bytes(content)
            (fresh / name).chmod(0o600)
        target.parent.mkdir(parents=True, exist_ok=True)
        replaced = self.building / "replaced"
        if target.exists():
            target.rename(replaced)
        fresh.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)

    def _record(self, manifests: Sequence[Manifest], recorded: Mapping[str, Mapping[str, object]]) -> None:
        """Ledger rows of packages that are placed, and what each recipient got from the vault."""
        with ledger.transaction(self.bank.home) as connection:
            for manifest in manifests:
                row = recorded.get(manifest.delivery_id)
                if row is not None and row == _ledger_row(manifest, row["recorded_at"]):
                    continue
                ledger.put(connection, ledger.delivery, _ledger_row(manifest, ledger.now()))
                if manifest.rows:
                    access = {
                        "purpose": f"{manifest.batch_id}: {manifest.purpose}",
                        "kinds": ",".join(_REVEALED),
                        "recipient": f"{manifest.recipient_type} {manifest.recipient}",
                        "values_read": len(_REVEALED) * manifest.rows,
                    }
                    ledger.put(connection, ledger.vault_access, access)


def _ledger_row(manifest: Manifest, recorded_at: object) -> dict[str, object]:
    return {
        "delivery_id": manifest.delivery_id,
        "batch_id": manifest.batch_id,
        "list_code": manifest.list_code,
        "business_date": manifest.business_date,
        "version": manifest.version,
        "definition_hash": manifest.definition_sha256,
        "purpose": manifest.purpose,
        "recipient_type": manifest.recipient_type,
        "recipient": manifest.recipient,
        "rows": manifest.rows,
        "content_sha256": manifest.rows_sha256,
        "files": json.dumps(manifest.files),
        "approver": manifest.approver,
        "expires_on": manifest.expires_on,
        "recorded_at": recorded_at,
    }


def _superseded(manifest: Manifest | None) -> Superseded | None:
    if manifest is None:
        return None
    return Superseded(version=manifest.version, rows=manifest.rows, rows_sha256=manifest.rows_sha256)


def _delivery(manifest: Manifest, folder: Path, written: bool) -> Delivery:
    return Delivery(
        manifest.delivery_id,
        manifest.list_code,
        manifest.recipient_type,
        manifest.recipient,
        manifest.rows,
        folder,
        written,
    )


def _definition_hash(code: str) -> str:
    return sha256((DEFINITIONS / "lists" / f"{code}.yml").read_bytes()).hexdigest()


@contextmanager
def _alone(home: BankHome, business_date: date) -> Iterator[Path]:
    """An empty folder to build in, for one delivery of the date at a time; a killed process frees its lock."""
    building = home.delivery / ".building" / business_date.isoformat()
    building.parent.mkdir(parents=True, exist_ok=True)
    home.delivery.chmod(0o700)
    with building.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        try:
            yield building
        finally:
            shutil.rmtree(building, ignore_errors=True)
