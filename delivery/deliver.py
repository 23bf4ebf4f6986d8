"""Delivering the lists of a business date: one package per list and recipient, complete or not there at all.

A package is built in a folder of its own below `delivery/.building` and renamed into place; the ledger rows of a list
follow when its packages are placed. Whatever a killed run leaves behind, the next one sweeps, and it keeps every
package that is intact and up to date.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import and_, func, select

from delivery.approval import approvals, approve_automatically, list_facts, propose, published_marts
from delivery.encryption import encrypt_xlsx, encrypt_zip
from delivery.frozen import (
    Approval,
    ListFacts,
    PackageTerms,
    forget_packages_but,
    freeze_packages,
    packages_file,
    read_terms,
)
from delivery.lock import alone
from delivery.manifest import MANIFEST, Manifest, Superseded, is_intact, read_manifest
from delivery.password import derive_password, period
from delivery.rows import PackageRows, packages, read_packages
from delivery.sheet import Revealed, layout, to_csv, to_xlsx
from delivery.transfer import transfer
from ingestion.bank import Bank
from ingestion.contract import VaultKind
from ingestion.vault import reveal
from qianmo import ledger
from qianmo.errors import ConfigurationError
from qianmo.home import BankHome
from serving.publish import current_publication

REVEALED: tuple[VaultKind, ...] = ("name", "phone")
"""What a recipient gets from the vault."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Delivery:
    """A package that is in place; without rows and removals where the recipient's earlier one was withdrawn."""

    delivery_id: str
    list_code: str
    recipient_type: str
    recipient: str
    rows: int
    """Open ones."""
    new_rows: int
    removed_rows: int
    folder: Path
    written: bool
    """False: it was there before, with the same content."""


def hand_over(bank: Bank, business_date: date, progress: Progress) -> list[Delivery]:
    """Propose the batches of a date, approve them where the bank approves automatically, deliver what is approved.

    Raises:
        DataRefusedError: the published marts do not reach the date, or a list in them is not defined.
    """
    propose(bank, business_date, progress)
    approved = sum(verdict.changed for verdict in approve_automatically(bank))
    if approved:
        progress(f"{business_date}: {approved} batches approved by {bank.automatic_approver}")
    return deliver(bank, business_date, progress)


def deliver(bank: Bank, business_date: date, progress: Progress) -> list[Delivery]:
    """Place every package of the date as the published marts have it and as it is approved; once.

    Recipients have what was delivered last. So where a later date was delivered already, it is the later date that is
    brought up to date.

    Raises:
        DataRefusedError: the published marts do not reach the date.
    """
    with _alone(bank.home) as building:
        last = _last_date(bank.home)
        if last and last > business_date:
            progress(f"{business_date}: {last} is delivered already, so what has changed goes out as of {last}")
            business_date = last
        marts, version = published_marts(bank, business_date)
        placed = _Run(bank, business_date, marts, version, building, progress).place()
        transfer(bank, business_date, progress)
        return placed


def deliver_last(bank: Bank, progress: Progress) -> list[Delivery]:
    """Deliver as of the date that is published: what a decision does at once.

    Not as of the batch's own date: since then a customer may have been taken off the list.
    """
    publication = current_publication(bank)
    return deliver(bank, date.fromisoformat(publication.business_date), progress) if publication else []


def last_deliveries(home: BankHome, before: date = date.max) -> list[dict[str, Any]]:
    """The last delivery of each recipient and list (before a date): what recipients have. Rows of the ledger."""
    table = ledger.delivery
    who = (table.c.list_code, table.c.recipient_type, table.c.recipient)
    last = (
        select(*who, func.max(table.c.business_date).label("business_date"))
        .where(table.c.business_date < before.isoformat(), table.c.snapshot.is_not(None))
        .group_by(*who)
        .subquery()
    )
    is_last = and_(*(table.c[name] == last.c[name] for name in (*(one.name for one in who), "business_date")))
    with ledger.transaction(home) as connection:
        return [dict(row) for row in connection.execute(select(table).join(last, is_last)).mappings()]


def _last_date(home: BankHome) -> date | None:
    with ledger.transaction(home) as connection:
        last = connection.execute(select(func.max(ledger.delivery.c.business_date))).scalar()
    return date.fromisoformat(last) if last else None


@dataclass
class _Run:
    """One delivery of one date, while it holds the lock."""

    bank: Bank
    business_date: date
    marts: Path
    version: str
    building: Path
    progress: Progress

    @property
    def root(self) -> Path:
        return self.bank.home.delivery / self.business_date.isoformat()

    def place(self) -> list[Delivery]:
        recorded = {
            row["delivery_id"]: row
            for row in ledger.rows(self.bank.home, ledger.delivery, business_date=self.business_date.isoformat())
        }
        held = self._held()
        approved = approvals(self.bank, self._open_batches())
        rows = read_packages(
            self.marts,
            self.business_date,
            {code: facts.recipients for code, facts in list_facts().items()},
            [file for _, file in approved.values()],
            held,
            self._files({name: row["snapshot"] for name, row in recorded.items() if row["snapshot"]}),
        )
        everything = packages(rows)
        terms = self._terms(everything, [approval for approval, _ in approved.values()], held)
        standing = {one.delivery_id: self._standing(one, terms[one.list_code], recorded) for one in everything}
        revealed = self._reveal([one for one in everything if not standing[one.delivery_id]])
        delivered: list[Delivery] = []
        for code, group in groupby(everything, key=attrgetter("list_code")):
            mine = list(group)
            batch_id = self._batch_id(code)
            snapshot = freeze_packages(
                self.bank.home, batch_id, terms[code], rows.filter(pc.equal(rows["list_code"], code))
            )
            written = {
                package.delivery_id: self._write(package, terms[code], revealed)
                for package in mine
                if not standing[package.delivery_id]
            }
            manifests = [written.get(package.delivery_id) or standing[package.delivery_id] for package in mine]
            self._record([manifest for manifest in manifests if manifest], recorded, snapshot)
            self.progress(f"{code}: {len(mine)} packages, {len(written)} of them written")
            delivered += [
                _delivery(manifest, self.root / package.folder, manifest.delivery_id in written)
                for package, manifest in zip(mine, manifests, strict=True)
                if manifest
            ]
        delivered += self._withdraw({package.delivery_id: package.folder for package in everything}, recorded)
        self._forget()
        return delivered

    def _batch_id(self, list_code: str) -> str:
        return f"{list_code}-{self.business_date:%Y%m%d}"

    def _open_batches(self) -> list[str]:
        """Batches that rows to be delivered come from."""
        with duckdb.connect(self.marts, read_only=True) as connection:
            found = connection.execute(
                "select distinct batch_id from marts.mart_marketing_list where business_date = ? and not is_holdout",
                [self.business_date],
            ).fetchall()
        return sorted(batch_id for (batch_id,) in found)

    def _held(self) -> dict[Path, list[str]]:
        """The last delivery of each recipient and list before the date, by the file that has its rows."""
        last = last_deliveries(self.bank.home, before=self.business_date)
        return self._files({row["delivery_id"]: row["snapshot"] for row in last})

    def _files(self, snapshots: Mapping[str, str]) -> dict[Path, list[str]]:
        """Delivery ids by the file that has their rows."""
        by_file: dict[Path, list[str]] = defaultdict(list)
        for delivery_id, snapshot in sorted(snapshots.items()):
            by_file[packages_file(self.bank.home, snapshot)].append(delivery_id)
        if missing := [path for path in by_file if not path.exists()]:
            raise ConfigurationError(
                f"{missing[0]} is missing ({len(missing)} such files): what recipients have is known from it; restore"
                f" {self.bank.home.list_batches} from its backup"
            )
        return dict(by_file)

    def _terms(
        self, everything: Sequence[PackageRows], approved: Sequence[Approval], held: Mapping[Path, Sequence[str]]
    ) -> dict[str, PackageTerms]:
        facts = dict(list_facts())
        # A list that is defined no more still tells its recipients what is removed, as it was called then.
        gone = {one.list_code for one in everything} - set(facts)
        if gone:
            past = (read_terms(path).facts for path in held)
            facts |= {one.list_code: one for one in past if one.list_code in gone}
        return {code: self._terms_of(facts[code], approved) for code in {one.list_code for one in everything}}

    def _terms_of(self, facts: ListFacts, approved: Sequence[Approval]) -> PackageTerms:
        mine = [one for one in approved if one.batch_id.rpartition("-")[0] == facts.list_code]
        return PackageTerms(
            issuer=self.bank.legal_entity_name, business_date=self.business_date, facts=facts, approvals=mine
        )

    def _standing(
        self, package: PackageRows, terms: PackageTerms, recorded: Mapping[str, Mapping[str, object]]
    ) -> Manifest | None:
        """The manifest of a placed package that needs no other; None where one must be written."""
        folder = self.root / package.folder
        manifest = read_manifest(folder)
        if manifest is None or not is_intact(folder, manifest):
            return None
        is_same = (manifest.delivery_id, manifest.source_sha256) == (package.delivery_id, source_sha256(package, terms))
        # A row of another package is one that a killed run was replacing; none is one it had not come to.
        row = recorded.get(package.delivery_id)
        return manifest if is_same and (row is None or _is_recorded(manifest, row)) else None

    def _reveal(self, to_write: Sequence[PackageRows]) -> Revealed:
        """One pass over the vault for the whole run; what each recipient got of it is recorded with the package."""
        keys = sorted({key for package in to_write for key in surrogates(package)})
        if not keys:
            return {}
        self.progress(f"reading {len(keys)} names and phones from the vault")
        return revealed_values(self.bank.home, keys, f"marketing lists of {self.business_date}")

    def _write(self, package: PackageRows, terms: PackageTerms, revealed: Revealed) -> Manifest:
        facts = terms.facts
        rendered = render(package, terms, revealed)
        files = encrypted(self.bank, package, self.business_date, rendered)
        target = self.root / package.folder
        manifest = Manifest(
            delivery_id=package.delivery_id,
            batch_id=self._batch_id(package.list_code),
            list_code=package.list_code,
            list_name=facts.list_name,
            definition_sha256=facts.definition_sha256,
            business_date=self.business_date.isoformat(),
            version=self.version,
            recipient_type=package.recipient_type,
            recipient=package.recipient,
            recipient_name=package.recipient_name,
            purpose=facts.purpose,
            legal_basis=facts.legal_basis,
            product_code=facts.product_code,
            channel=facts.channel,
            approver=facts.approver,
            approvals=package_approvals(package, terms),
            material_id=facts.material_id,
            expires_on=max((str(row["valid_until"]) for row in package.open_rows if row["valid_until"]), default=None),
            rows=len(package.open_rows),
            new_rows=sum(row["state"] == "new" for row in package.rows),
            removed_rows=len(package.removed_rows),
            rows_sha256=sha256(rendered.csv).hexdigest(),
            workbook_sha256=sha256(rendered.xlsx).hexdigest(),
            source_sha256=source_sha256(package, terms),
            layout=layout(),
            files={name: sha256(content).hexdigest() for name, content in files.items()},
            password_period=period(self.business_date),
            supersedes=_superseded(read_manifest(target)),
        )
        self._put(target, files, manifest)
        return manifest

    def _withdraw(self, current: Mapping[str, Path], recorded: Mapping[str, Mapping[str, object]]) -> list[Delivery]:
        """Empty what a killed run placed and no recipient is to have now; the manifest that stays behind says so."""
        withdrawn: list[tuple[Manifest, Path, bool]] = []
        for path in sorted(self.root.glob(f"*/*/*/{MANIFEST}")):
            folder = path.parent
            manifest = read_manifest(folder)
            if manifest is None or current.get(manifest.delivery_id) == folder.relative_to(self.root):
                continue
            if manifest.delivery_id in current:  # the recipient's branch is another one since
                shutil.rmtree(folder)
                continue
            is_new = bool(manifest.files)
            if is_new:
                nothing = sha256(b"").hexdigest()
                manifest = manifest.model_copy(
                    update={
                        "version": self.version,
                        "rows": 0,
                        "new_rows": 0,
                        "removed_rows": 0,
                        "approvals": [],
                        "expires_on": None,
                        "rows_sha256": nothing,
                        "workbook_sha256": nothing,
                        "source_sha256": nothing,
                        "files": {},
                        "supersedes": _superseded(manifest),
                    }
                )
                self._put(folder, {}, manifest)
                self.progress(f"{manifest.delivery_id}: withdrawn, no rows any more")
            withdrawn.append((manifest, folder, is_new))
        self._record([manifest for manifest, _, _ in withdrawn], recorded, None)
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

    def _record(
        self, manifests: Sequence[Manifest], recorded: Mapping[str, Mapping[str, object]], snapshot: str | None
    ) -> None:
        """Ledger rows of packages that are placed, and what each recipient got from the vault."""
        with ledger.transaction(self.bank.home) as connection:
            for manifest in manifests:
                row = recorded.get(manifest.delivery_id)
                if row is not None and _is_recorded(manifest, row):
                    if row["snapshot"] != snapshot:  # another package of the list changed
                        ledger.put(connection, ledger.delivery, dict(row) | {"snapshot": snapshot})
                    continue
                fresh = {"snapshot": snapshot, "target": None, "recorded_at": ledger.now()}
                ledger.put(connection, ledger.delivery, _ledger_row(manifest) | fresh)
                if manifest.files:
                    access = {
                        "purpose": f"{manifest.batch_id}: {manifest.purpose}",
                        "kinds": ",".join(REVEALED),
                        "recipient": f"{manifest.recipient_type} {manifest.recipient}",
                        "values_read": len(REVEALED) * (manifest.rows + manifest.removed_rows),
                    }
                    ledger.put(connection, ledger.vault_access, access)

    def _forget(self) -> None:
        """Take away frozen rows of packages of the date that were replaced."""
        kept: dict[str, set[str]] = defaultdict(set)
        for row in ledger.rows(self.bank.home, ledger.delivery, business_date=self.business_date.isoformat()):
            kept[row["batch_id"]].add(row["snapshot"])
        for batch_id, names in kept.items():
            forget_packages_but(self.bank.home, batch_id, names)


@dataclass(frozen=True)
class Rendered:
    """The files of a package before encryption, which are the same every time."""

    csv: bytes
    xlsx: bytes


def render(package: PackageRows, terms: PackageTerms, revealed: Revealed) -> Rendered:
    """Make the files of a package."""
    terms = terms.model_copy(update={"approvals": package_approvals(package, terms)})
    return Rendered(to_csv(package, terms, revealed), to_xlsx(package, terms, revealed))


def encrypted(bank: Bank, package: PackageRows, business_date: date, rendered: Rendered) -> dict[str, bytes]:
    """The files by name, with the recipient's password of the month."""
    password = derive_password(bank.name, package.recipient_type, package.recipient, period(business_date))
    stem = f"{package.list_code}-{business_date:%Y%m%d}-{package.recipient}"
    return {
        f"{stem}.xlsx": encrypt_xlsx(rendered.xlsx, password),
        f"{stem}.csv.zip": encrypt_zip(f"{stem}.csv", rendered.csv, password),
    }


def package_approvals(package: PackageRows, terms: PackageTerms) -> list[Approval]:
    """Approvals of the batches that open rows of a package come from."""
    batches = {row["batch_id"] for row in package.open_rows}
    return [one for one in terms.approvals if one.batch_id in batches]


def source_sha256(package: PackageRows, terms: PackageTerms) -> str:
    """Of rows and terms with surrogates for names and phones: what is the same needs no look into the vault."""
    approved = [one.model_dump() for one in package_approvals(package, terms)]
    content = [package.rows, terms.issuer, terms.facts.model_dump(), approved]
    return sha256(json.dumps(content, default=str, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def surrogates(package: PackageRows) -> set[str]:
    """Surrogates of the names and phones in a package."""
    return {row[f"{kind}_key"] for row in package.rows for kind in REVEALED} - {None}


def revealed_values(home: BankHome, keys: Sequence[str], purpose: str) -> Revealed:
    """Names and phones from the vault, recorded as a use by delivery."""
    found: pa.Table = reveal(home, REVEALED, keys, purpose, "delivery")
    return {(row["kind"], row["key"]): row["value"] for row in found.to_pylist()}


def _ledger_row(manifest: Manifest) -> dict[str, object]:
    """What the ledger says of a package and its manifest says too."""
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
        "new_rows": manifest.new_rows,
        "removed_rows": manifest.removed_rows,
        "content_sha256": manifest.rows_sha256,
        "workbook_sha256": manifest.workbook_sha256,
        "layout": manifest.layout,
        "files": json.dumps(manifest.files),
        "approver": manifest.approver,
        "expires_on": manifest.expires_on,
    }


def _is_recorded(manifest: Manifest, row: Mapping[str, object]) -> bool:
    return _ledger_row(manifest).items() <= row.items()


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
        manifest.new_rows,
        manifest.removed_rows,
        folder,
        written,
    )


@contextmanager
def _alone(home: BankHome) -> Iterator[Path]:
    """An empty folder to build in, while nobody else delivers."""
    building = home.delivery / ".building"
    with alone(home):
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        try:
            yield building
        finally:
            shutil.rmtree(building, ignore_errors=True)
