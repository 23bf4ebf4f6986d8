"""Names, ID numbers, phones, account numbers and addresses as keyed surrogates and masks, all as DuckDB SQL.

A surrogate is the first 128 bits of HMAC-SHA256 of `<kind>:<normalised value>`, in hex (RFC 2104 section 5 allows half
of the output): equal values have equal surrogates in every source, and without the key nobody can compute one.
"""

import duckdb

from ingestion.contract import VaultKind
from qianmo.settings import keys

SURROGATE_KEY_ID = "surrogate_key_id"
"""Metadata of landed and vault Parquet files: the id of the key that their surrogates were made with."""

_FULL_WIDTH = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000"
_HALF_WIDTH = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)).replace("'", "''") + " "

_DIGITS = 32

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK_DIGITS = "10X98765432"
"""GB 11643-1999: check digit by the weighted sum of the first 17 digits modulo 11."""


def _half_width(sql: str) -> str:
    """Full-width characters made half-width; costs nothing for values without any."""
    translated = f"translate({sql}, '{_FULL_WIDTH}', '{_HALF_WIDTH}')"
    return f"case when regexp_matches({sql}, '[！-～　]') then {translated} else {sql} end"


def _without(sql: str, characters: str) -> str:
    replaced = f"regexp_replace({sql}, '[{characters}]', '', 'g')"
    return f"case when regexp_matches({sql}, '[{characters}]') then {replaced} else {sql} end"


def _check_digit(sql: str) -> str:
    """Check digit of the first 17 digits of an expression."""
    total = " + ".join(f"{weight} * try_cast({sql}[{at}] as integer)" for at, weight in enumerate(_ID_WEIGHTS, 1))
    return f"'{_ID_CHECK_DIGITS}'[({total}) % 11 + 1]"


def macros() -> list[str]:
    """Statements that make `normalised_<kind>`, `masked_<kind>` and the checks of an ID number known to DuckDB."""
    upgraded = "left(v, 6) || '19' || substr(v, 7)"
    return [
        f"create or replace temp macro half_width(v) as {_half_width('v')}",
        f"create or replace temp macro without_blanks(v) as {_without('v', chr(92) + 's')}",
        f"create or replace temp macro check_digit(v) as {_check_digit('v')}",
        f"create or replace temp macro upgraded_id(v) as {upgraded} || check_digit({upgraded})",
        "create or replace temp macro normalised_name(v) as nullif(without_blanks(half_width(v)), '')",
        "create or replace temp macro normalised_address(v) as nullif(trim(half_width(v)), '')",
        "create or replace temp macro plain_id(v) as nullif(upper(without_blanks(half_width(v))), '')",
        "create or replace temp macro normalised_id_number(v) as"
        " case when regexp_full_match(plain_id(v), '[0-9]{15}') then upgraded_id(plain_id(v)) else plain_id(v) end",
        f"create or replace temp macro account_digits(v) as {_without('v', chr(92) + 's-')}",
        "create or replace temp macro normalised_account_number(v) as nullif(account_digits(half_width(v)), '')",
        f"create or replace temp macro digits(v) as {_without('v', '^0-9')}",
        "create or replace temp macro without_country(v) as"
        " case when length(v) = 13 and starts_with(v, '86') then substr(v, 3)"
        " when length(v) = 15 and starts_with(v, '0086') then substr(v, 5) else v end",
        "create or replace temp macro normalised_phone(v) as nullif(without_country(digits(half_width(v))), '')",
        "create or replace temp macro masked_name(v) as"
        " case when length(v) <= 2 then left(v, 1) || '*' else left(v, 1) || '**' end",
        "create or replace temp macro masked_id_number(v) as"
        " case when length(v) > 8 then left(v, 4) || '****' || right(v, 4) else '****' end",
        "create or replace temp macro masked_phone(v) as"
        " case when length(v) > 7 then left(v, 3) || '****' || right(v, 4) else '****' end",
        "create or replace temp macro masked_account_number(v) as"
        " case when length(v) > 4 then '****' || right(v, 4) else '****' end",
        "create or replace temp macro masked_address(v) as '***'",
        "create or replace temp macro id_birth_date(v) as"
        " case when regexp_full_match(v, '[0-9]{17}[0-9X]')"
        " then try_cast(try_strptime(substr(v, 7, 8), '%Y%m%d') as date) end",
        "create or replace temp macro id_is_valid(v) as"
        " coalesce(id_birth_date(v) is not null and check_digit(v) = v[18], false)",
        "create or replace temp macro id_gender(v) as"
        " case when regexp_full_match(v, '[0-9]{17}[0-9X]')"
        " then case when try_cast(v[17] as integer) % 2 = 1 then 'M' else 'F' end end",
    ]


def surrogate_key_id() -> str:
    """The id of the current surrogate key."""
    return keys().current("surrogate").id


def define(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Define the macros and `surrogate(kind, value)` on a connection; the key never becomes part of a statement."""
    block = key.ljust(64, b"\x00")
    connection.execute("set variable surrogate_inner = $1::blob", [bytes(b ^ 0x36 for b in block)])
    connection.execute("set variable surrogate_outer = $1::blob", [bytes(b ^ 0x5C for b in block)])
    for statement in macros():
        connection.execute(statement)
    connection.execute(
        "create or replace temp macro surrogate(kind, v) as left(sha256(getvariable('surrogate_outer')"
        f" || unhex(sha256(getvariable('surrogate_inner') || encode(kind || ':' || v)))), {_DIGITS})"
    )


def normalised(kind: VaultKind, sql: str) -> str:
    """SQL of the normalised value: NULL when nothing is left of it."""
    return f"normalised_{kind}({sql})"
