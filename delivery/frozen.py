"""What is proposed and what is packed, frozen with surrogates in place of names and phones.

`list_batches/<batch id>/<digest>/` is a proposal: what was decided on and why everybody else was left out.
`list_batches/<batch id>/packages-<digest>.parquet` holds the rows of every package of a list and date. Both are written
once under the digest of their content, so that what a decision or the ledger names stays as it was.
"""

import shutil
from datetime import date
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from delivery.password import RecipientType
from ingestion.placing import placed, sweep
from qianmo.home import BankHome

_DIGEST_DIGITS = 12
_TERMS = b"terms"
"""Name of the metadata of a file of packages that holds `PackageTerms`."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListFacts(_Frozen):
    """What recipients and reviewers are told of a list, as its definition had it that day."""

    list_code: str
    list_name: str
    purpose: str
    legal_basis: str
    product_code: str
    channel: str
    owner: str
    approver: str
    material_id: str
    material_title: str
    material_expires_on: date
    playbook: str
    talking_points: list[str]
    recipients: list[RecipientType]
    definition_sha256: str


class Step(_Frozen):
    """A step of the waterfall over all branches."""

    step_code: str
    step_name: str
    removed: int


class Proposal(_Frozen):
    """A batch as it is put up for approval."""

    batch_id: str
    business_date: date
    facts: ListFacts
    definition: str
    """Text of the definition file."""
    rows: int
    """To be delivered."""
    holdout_rows: int
    removed_rows: int
    """Rows of the list that closed that day, whichever batch opened them."""
    content_sha256: str
    """Of the rows to be delivered and the definition: what an approval is given for."""
    waterfall: list[Step]


class Approval(_Frozen):
    """On whose word rows of a batch are delivered."""

    batch_id: str
    content_sha256: str
    decided_by: str
    decided_at: str
    """ISO 8601, by the bank's clocks."""
    decision: str


class PackageTerms(_Frozen):
    """What all packages of a list and date have in common."""

    issuer: str
    """Name of the bank."""
    business_date: date
    facts: ListFacts
    approvals: list[Approval]


def freeze_proposal(home: BankHome, proposal: Proposal, rows: pa.Table, candidates: pa.Table) -> str:
    """Place a proposal; returns its name below `list_batches`. The same content again has the same name.

    The caller holds the lock of delivery: what a killed process left behind is removed.
    """
    folder = home.list_batches / proposal.batch_id
    building = folder / ".proposal"
    shutil.rmtree(building, ignore_errors=True)
    _owners_only(home, building)
    try:
        (building / "proposal.json").write_text(proposal.model_dump_json(indent=2), encoding="utf-8")
        _write(rows, building / "rows.parquet")
        _write(candidates, building / "candidates.parquet")
        digest = sha256()
        for path in sorted(building.iterdir()):
            path.chmod(0o600)
            digest.update(sha256(path.read_bytes()).digest())
        target = folder / digest.hexdigest()[:_DIGEST_DIGITS]
        if not target.exists():
            building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return f"{proposal.batch_id}/{target.name}"


def read_proposal(home: BankHome, name: str) -> Proposal:
    """The proposal of that name."""
    return Proposal.model_validate_json((home.list_batches / name / "proposal.json").read_text(encoding="utf-8"))


def proposed_rows(home: BankHome, name: str) -> Path:
    """Rows of a proposal that are to be delivered: `row_id`, `row_sha256` and what recipients see."""
    return home.list_batches / name / "rows.parquet"


def proposed_candidates(home: BankHome, name: str) -> Path:
    """Every candidate of the list that day, with the step at which it stayed."""
    return home.list_batches / name / "candidates.parquet"


def freeze_packages(home: BankHome, batch_id: str, terms: PackageTerms, rows: pa.Table) -> str:
    """Place the rows of every package of a list and date; returns their name below `list_batches`.

    The caller holds the lock of delivery, as for `freeze_proposal`.
    """
    stated = rows.replace_schema_metadata({_TERMS: terms.model_dump_json().encode()})
    buffer = pa.BufferOutputStream()
    pq.write_table(stated, buffer, compression="zstd")
    content = buffer.getvalue().to_pybytes()
    name = f"{batch_id}/packages-{sha256(content).hexdigest()[:_DIGEST_DIGITS]}.parquet"
    target = home.list_batches / name
    if not target.exists():
        _owners_only(home, target.parent)
        sweep(target.parent)
        with placed(target) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_bytes(content)
    return name


def packages_file(home: BankHome, name: str) -> Path:
    """The file of packages of that name."""
    return home.list_batches / name


def read_terms(path: Path) -> PackageTerms:
    """The terms of a file of packages."""
    return PackageTerms.model_validate_json(pq.read_schema(path).metadata[_TERMS])


def forget_packages_but(home: BankHome, batch_id: str, kept: set[str]) -> None:
    """Remove files of packages of a list and date that no ledger row names."""
    for path in (home.list_batches / batch_id).glob("packages-*.parquet"):
        if f"{batch_id}/{path.name}" not in kept:
            path.unlink()


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")


def _owners_only(home: BankHome, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    home.list_batches.chmod(0o700)
