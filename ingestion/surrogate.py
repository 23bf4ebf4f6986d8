"""Names, ID numbers, phones, account numbers and addresses as keyed surrogates and masks, as DuckDB SQL.

A surrogate is the first 128 bits of HMAC-SHA256 of `<kind>:<normalised value>`, in hex (RFC 2104 section 5 allows half
of the output): equal values have equal surrogates in every source, and without the key nobody can compute one.
"""

import duckdb
from duckdb.func import PythonUDFType

from ingestion.contract import Column, VaultKind
from ingestion.name_forms import shape_form, sound_form
from qianmo.settings import keys

SURROGATE_KEY_ID = "surrogate_key_id"
"""Metadata of landed and vault Parquet files: the id of the key that their surrogates were made with."""

_FULL_WIDTH = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000"
_HALF_WIDTH = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)).replace("'", "''") + " "

_DIGITS = 32

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK_DIGITS = "10X98765432"
"""GB 11643-1999: check digit by the weighted sum of the first 17 digits modulo 11."""
_INVERSE_WEIGHTS = tuple(pow(weight, -1, 11) for weight in _ID_WEIGHTS)
_SHORTENED_ID = r"[1-9]\.[0-9]{13,}E\+17"
"""An ID number that a worksheet made a number of: 15 of its 18 digits are left, the birth date among them."""


def _half_width(sql: str) -> str:
    """Full-width characters made half-width; costs nothing for values without any."""
    translated = f"translate({sql}, '{_FULL_WIDTH}', '{_HALF_WIDTH}')"
    return f"case when regexp_matches({sql}, '[！-～　]') then {translated} else {sql} end"


def _without(sql: str, characters: str) -> str:
    replaced = f"regexp_replace({sql}, '[{characters}]', '', 'g')"
    return f"case when regexp_matches({sql}, '[{characters}]') then {replaced} else {sql} end"


def _weighted_sum(sql: str) -> str:
    """Sum modulo 11 of the first 17 digits of an expression."""
    total = " + ".join(f"{weight} * try_cast({sql}[{at}] as integer)" for at, weight in enumerate(_ID_WEIGHTS, 1))
    return f"(({total}) % 11)"


def _one_slip_away() -> str:
    """List of the texts that one slip may have made `v` of: two neighbours changed about, or one digit wrong.

    Of the ten digits of a place at most one gives the check digit as it is written, by the weight's inverse modulo 11.
    """
    swapped = "list_transform(range(1, 18), lambda i: v[:i - 1] || v[i + 1] || v[i] || v[i + 2:])"
    missing = f"(strpos('{_ID_CHECK_DIGITS}', v[18]) - 1 - weighted_sum(v) + 11)"
    digit = f"((try_cast(v[i] as integer) + {missing} * {list(_INVERSE_WEIGHTS)}[i]) % 11)"
    put_right = f"list_transform(range(1, 18), lambda i: v[:i - 1] || {digit} || v[i + 1:])"
    return f"list_concat({swapped}, {put_right}, [v[:17] || check_digit(v)])"


def macros() -> list[str]:
    """Statements that make `normalised_<kind>`, `masked_<kind>` and the checks of an ID number known to DuckDB."""
    upgraded = "left(v, 6) || '19' || substr(v, 7)"
    return [
        f"create or replace temp macro half_width(v) as {_half_width('v')}",
        f"create or replace temp macro without_blanks(v) as {_without('v', chr(92) + 's')}",
        f"create or replace temp macro weighted_sum(v) as {_weighted_sum('v')}",
        f"create or replace temp macro check_digit(v) as '{_ID_CHECK_DIGITS}'[weighted_sum(v) + 1]",
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
        # a number of which a worksheet left 15 digits still tells the birth date
        "create or replace temp macro id_digits(v) as"
        " case when regexp_full_match(v, '[0-9]{17}[0-9X]') then v"
        f" when regexp_full_match(v, '{_SHORTENED_ID}') then replace(v, '.', '') end",
        "create or replace temp macro id_birth_date(v) as"
        " try_cast(try_strptime(substr(id_digits(v), 7, 8), '%Y%m%d') as date)",
        "create or replace temp macro id_is_valid(v) as"
        " coalesce(length(v) = 18 and id_birth_date(v) is not null and check_digit(v) = v[18], false)",
        "create or replace temp macro id_gender(v) as"
        " case when regexp_full_match(v, '[0-9]{17}[0-9X]')"
        " then case when try_cast(v[17] as integer) % 2 = 1 then 'M' else 'F' end end",
        # of the valid numbers one slip away those of people who may be alive
        "create or replace temp macro id_repairs(v) as"
        " case when regexp_full_match(v, '[0-9]{17}[0-9X]') and not id_is_valid(v) then"
        f" list_sort(list_distinct(list_filter({_one_slip_away()},"
        " lambda w: id_is_valid(w) and substr(w, 7, 2) in ('19', '20')))) end",
        "create or replace temp macro sorted_characters(v) as array_to_string(list_sort(string_split(v, '')), '')",
    ]


def surrogate_key_id() -> str:
    """The id of the current surrogate key."""
    return keys().current("surrogate").id


def define(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Define the macros and `surrogate(kind, value)` on a connection; the key never becomes part of a statement."""
    for name, form in (("sound_form", sound_form), ("shape_form", shape_form)):
        connection.create_function(name, form, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
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


def derived(column: Column, normal: str) -> dict[str, str]:
    """SQL of what lands in place of a vaulted value, by part as in `vaulted_parts`, of its normalised form.

    What is compared beside the value itself: the name as it sounds, as it looks and with its characters in order (so
    that swapped ones do not matter); of an ID number that is not valid, the valid ones that a slip may have made it of.
    """
    kind = column.vault
    every = {
        "key": f"surrogate('{kind}', {normal})",
        "masked": f"masked_{kind}({normal})",
        "is_valid": f"case when {normal} is not null then id_is_valid({normal}) end",
        "birth_date": f"id_birth_date({normal})",
        "gender": f"id_gender({normal})",
        "repair_keys": f"list_transform(id_repairs({normal}), lambda w: surrogate('id_number', w))",
        "sound_key": f"surrogate('name_sound', sound_form({normal}))",
        "shape_key": f"surrogate('name_shape', shape_form({normal}))",
        "letters_key": f"surrogate('name_letters', sorted_characters({normal}))",
    }
    return {part: every[part] for part in column.vaulted_parts}


def keyed_parts(column: Column) -> list[str]:
    """Those of `vaulted_parts` that are surrogates, and so follow from the key."""
    return [part for part in column.vaulted_parts if part.endswith(("key", "keys"))]
