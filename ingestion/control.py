"""Control files: what the sender says about an unload, held against what arrived."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from qianmo.errors import DataRefusedError


@dataclass(frozen=True)
class ControlFile:
    """The claims of a control file; what it leaves out is not checked."""

    path: Path
    business_date: str | None
    rows: int | None
    bytes: int | None
    amount_total: Decimal | None
    sha256: str | None


def read_control(path: Path) -> ControlFile:
    """Read `key=value` lines; blank lines and values are allowed.

    Raises:
        DataRefusedError: the file is missing or says something that is no number where one is due.
    """
    if not path.is_file():
        raise DataRefusedError(f"{path}: expected the control file of the unload, found no such file")
    claims: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        key, separator, value = line.partition("=")
        if separator:
            claims[key.strip().lower()] = value.strip()
    try:
        return ControlFile(
            path=path,
            business_date=claims.get("business_date") or None,
            rows=int(claims["rows"]) if claims.get("rows") else None,
            bytes=int(claims["bytes"]) if claims.get("bytes") else None,
            amount_total=Decimal(claims["amount_total"]) if claims.get("amount_total") else None,
            sha256=(claims.get("sha256") or "").lower() or None,
        )
    except (ValueError, InvalidOperation):
        raise DataRefusedError(f"{path}: expected numbers for rows, bytes and amount_total, found {claims}") from None


def check_delivery(control: ControlFile, unload: str, business_date: date, size: int, sha256: str) -> None:
    """Hold date, bytes and checksum of the unload as delivered against the control file.

    Raises:
        DataRefusedError: one of them differs.
    """
    if control.business_date and control.business_date.replace("-", "") != f"{business_date:%Y%m%d}":
        raise _differs(control, unload, "business_date", control.business_date, business_date.isoformat())
    if control.bytes is not None and control.bytes != size:
        raise _differs(control, unload, "bytes", control.bytes, size)
    if control.sha256 is not None and control.sha256 != sha256:
        raise _differs(control, unload, "sha256", control.sha256, sha256)


def check_content(control: ControlFile, unload: str, rows: int, amount_total: Decimal | None) -> None:
    """Hold row count and amount total against the control file; an amount that cannot be known is None.

    Raises:
        DataRefusedError: one of them differs.
    """
    if control.rows is not None and control.rows != rows:
        raise _differs(control, unload, "rows", control.rows, rows)
    if control.amount_total is not None and amount_total is not None and control.amount_total != amount_total:
        raise _differs(control, unload, "amount_total", control.amount_total, amount_total)


def _differs(control: ControlFile, unload: str, claim: str, expected: object, found: object) -> DataRefusedError:
    return DataRefusedError(f"{unload}: expected {claim} {expected} (by {control.path.name}), found {found}")
