"""Numbers that look right and belong to nobody: resident IDs, credit codes, phones, accounts; all vectorised."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_ID_CHECKS = pa.array(list("10X98765432"))
_CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])
_ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_EPOCH = date(1970, 1, 1)

NULL_DAY = -(2**31)
"""A missing date among days since 1970-01-01."""


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def _digits(values: Ints, width: int) -> Ints:
    """Shape (n, width): decimal digits, most significant first."""
    return (values[:, None] // 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)) % 10


def padded(values: Ints, width: int, prefix: str = "") -> pa.Array:
    """Decimal text with leading zeros and a prefix."""
    text = pc.utf8_lpad(pc.cast(pa.array(values), pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, text, "") if prefix else text


def calendar_number(days: Ints) -> Ints:
    """Days since 1970-01-01 as yyyymmdd."""
    stamps = pd.DatetimeIndex(days.astype("datetime64[D]"))
    return np.asarray(stamps.year * 10_000 + stamps.month * 100 + stamps.day, dtype=np.int64)


def sequence_within(groups: Ints) -> Ints:
    """0, 1, 2 … within each value of `groups`, in order of appearance."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1] if len(ordered) else np.array([], dtype=np.int64)
    counts = np.diff(np.r_[starts, len(ordered)])
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(ordered)) - np.repeat(starts, counts)
    return ranks


def resident_ids(division: str, births: Ints, is_male: NDArray[np.bool_], serial_from: int = 0) -> pa.Array:
    """18-digit resident ID numbers of a division (six digits) with a valid check digit, unique for the given birth days
    and sexes."""
    dates = calendar_number(births)
    serial = 2 * (sequence_within(dates * 2 + is_male) + serial_from) + np.where(is_male, 1, 2)
    body = int(division) * 10**11 + dates * 1000 + serial
    check = (_digits(body, 17) * _ID_WEIGHTS).sum(axis=1) % 11
    return pc.binary_join_element_wise(pc.cast(pa.array(body), pa.string()), _ID_CHECKS.take(pa.array(check)), "")


def fifteen_digits(ids: pa.Array) -> pa.Array:
    """The form of before 1999: no century, no check digit. Only right for people born in the 1900s."""
    return pc.binary_join_element_wise(pc.utf8_slice_codeunits(ids, 0, 6), pc.utf8_slice_codeunits(ids, 8, 17), "")


def mistyped(ids: pa.Array) -> pa.Array:
    """The same IDs with one slip somewhere in the first 17 digits, as the number itself decides: never valid.

    Two neighbours are swapped or, every other time and where they are equal, one digit is another.
    """
    body = np.array(pc.cast(pc.utf8_slice_codeunits(ids, 0, 17), pa.int64()))
    digits = _digits(body, 17)
    rows, place = np.arange(len(body)), body % 16
    one, other = digits[rows, place], digits[rows, place + 1]
    is_swapped = (body // 16 % 2 == 0) & (one != other)
    digits[rows, place] = np.where(is_swapped, other, (one + 1 + body // 32 % 9) % 10)
    digits[rows, place + 1] = np.where(is_swapped, one, other)
    written = padded((digits * 10 ** np.arange(16, -1, -1, dtype=np.int64)).sum(axis=1), 17)
    return pc.binary_join_element_wise(written, pc.utf8_slice_codeunits(ids, 17, 18), "")


def credit_codes(division: str, serials: Ints, kinds: NDArray[np.str_]) -> pa.Array:
    """Unified social credit codes (GB 32100): kind of two characters, division, organisation code, check character."""
    n = len(serials)
    organisation = np.empty((n, 8), dtype=np.int64)
    organisation[:, 0], organisation[:, 1] = 22, 10  # M, A in the organisation code's own alphabet
    organisation[:, 2:] = _digits(serials, 6)
    check = 11 - (organisation * _ORGANISATION_WEIGHTS).sum(axis=1) % 11
    organisation_check = np.array(list("?123456789X0"))[check]
    values = np.zeros((n, 17), dtype=np.int64)
    kind_text = kinds.astype("U2")
    for position in range(2):
        characters = np.array([text[position] for text in np.unique(kind_text)])
        lookup = dict(zip(np.unique(kind_text), characters, strict=True))
        values[:, position] = pd.Series(kind_text).map({k: _CODE_CHARACTERS.index(c) for k, c in lookup.items()})
    values[:, 2:8] = _digits(np.full(n, int(division), dtype=np.int64), 6)
    values[:, 8], values[:, 9] = _CODE_CHARACTERS.index("M"), _CODE_CHARACTERS.index("A")
    values[:, 10:16] = organisation[:, 2:]
    values[:, 16] = pd.Series(organisation_check).map({c: _CODE_CHARACTERS.index(c) for c in "0123456789X"})
    total = (values * _CODE_WEIGHTS).sum(axis=1) % 31
    last = pa.array(list(_CODE_CHARACTERS)).take(pa.array((31 - total) % 31))
    serial_text = padded(serials, 6)
    return pc.binary_join_element_wise(
        pa.array(kind_text), division, "MA", serial_text, pa.array(organisation_check), last, ""
    )


def phones(serials: Ints) -> pa.Array:
    """11 digits beginning 1400, a range in which no mobile phone was ever allotted."""
    return padded(serials % 10**7, 7, "1400")


def account_numbers(serials: Ints) -> pa.Array:
    """19 digits beginning 9281: no card scheme owns a number that begins with 9."""
    return padded(serials * 7 % 10**15, 15, "9281")


def offsets(days: Ints, table_start: date) -> tuple[Ints, NDArray[np.bool_]]:
    """Indices into a table of days from `table_start` on, 0 where missing, and which are missing."""
    start = day_number(table_start)
    missing = days == NULL_DAY
    return np.where(missing, 0, days - start), missing
