"""What a raw identifier looks like in a text: a resident ID number or a mobile phone."""

from collections.abc import Iterable

from expectations.check import quoted

ID_NUMBER = (
    r"(^|[^0-9A-Za-z])[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"
    r"([^0-9A-Za-z]|$)"
)
"""GB 11643: six digits of place, birth date, sequence, check digit. Not part of a longer word: surrogates are hex."""

PHONE = r"(^|[^0-9A-Za-z])(\+?86[- ]?)?1[3-9][0-9]{9}([^0-9A-Za-z]|$)"


def matches_raw_identifier(columns: Iterable[str]) -> str:
    """A SQL condition: some of these text columns holds an ID number or a phone. One pass over their texts."""
    texts = "concat_ws(' ', " + ", ".join(map(quoted, columns)) + ")"
    return f"regexp_matches({texts}, '({ID_NUMBER})|({PHONE})')"


def keys_without_identifier(keys: Iterable[str]) -> list[str]:
    """SQL for the key columns of rows at fault, with the value hidden where the key itself is an identifier."""
    return [f"if({matches_raw_identifier([key])}, '(hidden)', {quoted(key)}) as {quoted(key)}" for key in keys]
