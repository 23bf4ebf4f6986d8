"""The legal basis of a batch: where it comes from, by which law or consent, for what purpose, until when."""

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ValidationError


class LegalBasis(BaseModel):
    """A `.basis.json` file beside a batch (domain section 11)."""

    source: str
    legal_basis: str
    purpose: str
    expires: date


def read_legal_basis(path: Path | None, business_date: date) -> LegalBasis | None:
    """The basis that holds on a business date; None when it is missing, incomplete or expired.

    It holds up to the day before it expires (DECISIONS.md, expiry dates are exclusive).
    A batch without a basis that its contract asks for is quarantined whole, with reason legal_basis.
    """
    if path is None or not path.is_file():
        return None
    try:
        basis = LegalBasis.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
    complete = all(text.strip() for text in (basis.source, basis.legal_basis, basis.purpose))
    return basis if complete and basis.expires > business_date else None
