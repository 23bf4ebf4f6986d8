"""Control files: what the sender says about an unload, held against what arrived."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from qianmo.errors import DataRefusedError

_KEYS = {
    "business_date": ("a date YYYY-MM-DD or YYYYMMDD", r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}"),
    "rows": ("a whole number", r"[0-9]{1,18}"),
    "bytes": ("a whole number", r"[0-9]{1,18}"),
    "amount_total": ("a plain decimal number", r"-?[0-9]{1,30}(\.[0-9]{1,10})?"),
    "sha256": ("64 hexadecimal digits", r"[0-9a-fA-F]{64}"),
}
"""What a control file may claim, and how it is written; an empty value claims nothing."""

_LARGEST_BYTES = 64 << 10
"""A larger file is no control file: most likely the unload itself under the wrong name."""

_SHOWN = re.compile(r"[\w.-]{1,40}")
"""A key that looks like one may be shown; anything else could be a row of the unload."""


@dataclass(frozen=True)
class ControlFile:
    """The claims of a control file; what it leaves out is not checked."""

    path: Path
    business_date: str | None
    rows: int | None
    bytes: int | None
    amount_total: Decimal | None
    sha256: str | None


def read_control(path: Path, ignore: Collection[str] = ()) -> ControlFile:
    """Read `key=value` lines; blank lines and values are allowed, keys of `ignore` are passed over.

    Raises:
        DataRefusedError: the file is missing, empty or in another encoding, says a key that is not known (a misspelt
            claim would go unchecked), says one twice, or says something that is no value for its key.
    """
    claims: dict[str, str] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        key, separator, value = (part.strip() for part in line.partition("="))
        key = key.lower()
        if not separator or not _SHOWN.fullmatch(key):
            raise DataRefusedError(f"{path}: expected lines key=value, found another in line {number}")
        if key in ignore:
            continue
        if key not in _KEYS:
            raise DataRefusedError(
                f"{path}: expected keys {', '.join(_KEYS)}, found {key} in line {number}. "
                "If it claims nothing, name it in control.ignore"
            )
        if claims.get(key, value) != value:
            raise DataRefusedError(f"{path}: expected {key} once, found two values for it")
        written, pattern = _KEYS[key]
        if value and not re.fullmatch(pattern, value):
            raise DataRefusedError(f"{path}: expected {written} as {key}, found something else in line {number}")
        claims[key] = value
    if not any(claims.values()):
        raise DataRefusedError(f"{path}: expected what the sender says of the unload, found no claim in it")
    return ControlFile(
        path=path,
        business_date=claims.get("business_date") or None,
        rows=int(claims["rows"]) if claims.get("rows") else None,
        bytes=int(claims["bytes"]) if claims.get("bytes") else None,
        amount_total=Decimal(claims["amount_total"]) if claims.get("amount_total") else None,
        sha256=(claims.get("sha256") or "").lower() or None,
    )


def _text(path: Path) -> str:
    """The file in UTF-8 or GB18030, in which its keys are the same bytes."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise DataRefusedError(
            f"{path}: expected the control file of the unload, found no such file. "
            "Land again when it has arrived, or have it sent"
        ) from None
    except OSError as error:
        raise DataRefusedError(f"{path}: expected a control file to read, found {error.strerror}") from None
    if len(raw) > _LARGEST_BYTES:
        raise DataRefusedError(f"{path}: expected a control file, found more than {_LARGEST_BYTES:,} bytes")
    if b"\x00" in raw:
        raise DataRefusedError(f"{path}: expected a control file in utf-8 or gb18030, found utf-16 or binary")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def check_delivery(control: ControlFile, unload: str, business_date: date, size: int) -> None:
    """Hold date and bytes of the unload as delivered against the control file.

    Raises:
        DataRefusedError: one of them differs.
    """
    if control.business_date and control.business_date.replace("-", "") != f"{business_date:%Y%m%d}":
        raise _differs(control, unload, "business_date", control.business_date, business_date.isoformat())
    if control.bytes is not None and control.bytes != size:
        raise _differs(control, unload, "bytes", control.bytes, size)


def check_sha256(control: ControlFile, unload: str, sha256: str) -> None:
    """Hold the checksum of the unload against the control file.

    Raises:
        DataRefusedError: it differs.
    """
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
