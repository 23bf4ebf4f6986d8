"""The manifest beside the files of a package: what was delivered, on whose word, and how to prove it."""

from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from delivery.frozen import Approval
from delivery.password import RecipientType

MANIFEST = "manifest.json"


class Superseded(BaseModel):
    """The package that this one replaced."""

    version: str
    rows: int
    rows_sha256: str


class Manifest(BaseModel):
    """A package. Without files it says that the recipient's earlier package of the date was withdrawn."""

    model_config = ConfigDict(extra="forbid")

    delivery_id: str
    batch_id: str
    """Of the list and date; rows of earlier batches that are still open are in the package too."""
    list_code: str
    list_name: str
    definition_sha256: str
    """Of the list's definition file."""
    business_date: str
    version: str
    """Of the marts the rows were read from."""
    recipient_type: RecipientType
    recipient: str
    recipient_name: str
    purpose: str
    legal_basis: str
    product_code: str
    channel: str
    approver: str
    """Who is to approve the list, by its definition; who did is in `approvals`."""
    approvals: list[Approval]
    """Of the batches that open rows come from."""
    material_id: str
    expires_on: str | None
    rows: int
    """Open ones."""
    new_rows: int
    """Open ones that the recipient did not have before."""
    removed_rows: int
    rows_sha256: str
    """Of the CSV before encryption."""
    workbook_sha256: str
    """Of the XLSX before encryption."""
    source_sha256: str
    """Of the rows with surrogates in place of names and phones, and of their terms."""
    layout: str
    """Version of the code that turned rows into files."""
    files: dict[str, str]
    """Name to SHA-256 of the file as placed."""
    password_period: str
    supersedes: Superseded | None = None


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a placed package; None where there is none that can be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def is_intact(folder: Path, manifest: Manifest) -> bool:
    """Whether the folder holds exactly the files of its manifest, unchanged."""
    if {path.name for path in folder.iterdir()} != {MANIFEST, *manifest.files}:
        return False
    return all(sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in manifest.files.items())
