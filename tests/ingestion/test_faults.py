"""Every way a batch can go wrong, and its defined outcome: landed, some rows quarantined, or refused whole.

Each case is real bytes, landed as in production. `docs/faults.md` says the same for operators.
"""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile
from openpyxl.worksheet.worksheet import Worksheet

from ingestion.bank import Bank
from ingestion.land import land
from ingestion.quarantine import read_quarantine
from qianmo.errors import DataRefusedError
from qianmo.ledger import landing_batch, landing_reject, rows
from tests.ingestion.conftest import DAY, MakeBank, landed


@dataclass(frozen=True)
class Lands:
    """What landed, row by row, and how many rows were quarantined by column and reason."""

    values: list[tuple[Any, ...]]
    rejects: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """Parts of the one message, besides the file's name."""

    expected: str
    found: str


Outcome = Lands | Refused


@dataclass(frozen=True)
class Delivered:
    """A table of one column set and the file that arrives for it."""

    table: str
    file: str
    format: dict[str, Any]
    map: dict[str, str]
    shown: str
    date_formats: tuple[str, ...] = ("%Y-%m-%d", "%Y%m%d")

    def bank(self, make_bank: MakeBank, **changed: Any) -> Bank:
        source, table = self.table.split(".")
        described = {
            "files": self.file,
            "format": self.format | changed,
            "map": self.map,
            "date_formats": list(self.date_formats),
        }
        return make_bank(**{source: {table: described}})

    def check(self, bank: Bank, outcome: Outcome) -> None:
        """Land, and hold results, files and ledger against the outcome."""
        source, table = self.table.split(".")
        file = bank.home.landing / source / table / f"{DAY}.parquet"
        if isinstance(outcome, Refused):
            with pytest.raises(DataRefusedError) as refused:
                land(bank, source, DAY)
            message = str(refused.value)
            assert self.file in message
            assert f"expected {outcome.expected}" in message
            assert f"found {outcome.found}" in message
            assert "\n" not in message
            assert not file.exists()
            assert rows(bank.home, landing_batch)[0]["status"] == "refused"
            return
        [result] = land(bank, source, DAY)
        quarantined = read_quarantine(bank.home, source, table, DAY).to_pylist()
        counted: dict[tuple[str, str], int] = {}
        for row in quarantined:
            counted[row["column"], row["reason"]] = counted.get((row["column"], row["reason"]), 0) + 1
            assert row["file"] == self.file
            assert row["raw"]
        assert landed(bank, self.table, self.shown) == outcome.values
        assert counted == outcome.rejects
        assert counted == {
            (row["column_name"], row["reason"]): row["rows_rejected"] for row in rows(bank.home, landing_reject)
        }
        assert (result.rows_landed, result.rows_quarantined) == (len(outcome.values), len(quarantined))
        assert result.rows_in == result.rows_landed + result.rows_quarantined


BALANCE_MAP = {"account_id": "account", "balance_date": "day", "balance": "amount"}
UNLOAD = Delivered(
    "core.account_balance",
    "balance.dat",
    {"kind": "delimited", "encoding": "gb18030", "delimiter": "|", "columns": ["account", "day", "amount"]},
    BALANCE_MAP,
    "account_id, balance_date::varchar, balance::varchar",
)
CSV = Delivered(
    "core.account_balance",
    "balance.csv",
    {"kind": "delimited", "encoding": "utf-8", "header": True, "quote": '"'},
    BALANCE_MAP,
    "account_id, balance_date::varchar, balance::varchar",
)
FIXED = Delivered(
    "core.account_balance",
    "balance.txt",
    {
        "kind": "fixed_width",
        "encoding": "gbk",
        "columns": [
            {"name": "account", "start": 1, "length": 8},
            {"name": "day", "start": 9, "length": 8},
            {"name": "amount", "start": 17, "length": 8},
        ],
    },
    BALANCE_MAP,
    "account_id, balance_date::varchar, balance::varchar",
)


def line(account: str = "A1", day: str = "2026-09-28", amount: str = "1.00", encoding: str = "gb18030") -> bytes:
    return f"{account}|{day}|{amount}\n".encode(encoding)


def row(account: str = "A1", amount: str = "1.00", day: str = "2026-09-28") -> tuple[str, str, str]:
    return account, day, amount


HEAD = b"account,day,amount\n"
GOOD = b"".join(line(f"\u6237{n}") for n in range(8))
GOOD_ROWS = [row(f"\u6237{n}") for n in range(8)]
LONG = "x" * (5 << 20)

TEXT: dict[str, tuple[Delivered, bytes, Outcome]] = {
    # broken encodings
    "a character cut off at a line's end": (
        UNLOAD,
        GOOD + line("B1")[:-1] + "户".encode("gb18030")[:1] + b"\n" + line("B2"),
        Lands([*GOOD_ROWS, row("B2")], {("", "encoding"): 1}),
    ),
    "a character cut off at the file's end": (
        UNLOAD,
        GOOD + line("B1")[:-1] + "户".encode("gb18030")[:1],
        Lands(GOOD_ROWS, {("", "encoding"): 1}),
    ),
    "byte 0x80 is the euro sign of code page 936": (UNLOAD, GOOD + b"\x80|2026-09-28|1.00\n", Lands([*GOOD_ROWS, row("€")])),
    "byte 0xFF": (UNLOAD, GOOD + b"\xff\xff|2026-09-28|1.00\n", Lands(GOOD_ROWS, {("", "encoding"): 1})),
    "a utf-8 file with some gb18030 lines": (
        CSV,
        HEAD + "".join(f"户{n},2026-09-28,1.00\n" for n in range(8)).encode() + "户,2026-09-28,1\n".encode("gb18030"),
        Lands(GOOD_ROWS, {("", "encoding"): 1}),
    ),
    "a utf-8 file where gb18030 was described": (
        UNLOAD,
        b"".join(line(f"户{n}", encoding="utf-8") for n in range(8)),
        Refused("encoding gb18030", "utf-8"),
    ),
    "utf-16": (UNLOAD, GOOD.decode("gb18030").encode("utf-16"), Refused("encoding gb18030", "utf-16")),
    "a byte-order mark": (CSV, b"\xef\xbb\xbf" + HEAD + b"A1,2026-09-28,1.00\n", Lands([row()])),
    # lines and fields
    "the delimiter as second byte of a character": (UNLOAD, line("脇") + line("倈"), Lands([row("脇"), row("倈")])),
    "the delimiter inside a value": (UNLOAD, GOOD + line("B|1"), Lands(GOOD_ROWS, {("", "field_count"): 1})),
    "the delimiter inside quotes": (CSV, HEAD + b'"A,1",2026-09-28,1.00\n', Lands([row("A,1")])),
    "a line break inside quotes": (CSV, HEAD + b'"A\n1",2026-09-28,1.00\nA2,2026-09-28,1\n', Lands([row("A\n1"), row("A2")])),
    "a quote that is not closed": (
        CSV,
        HEAD + b'"A1,2026-09-28,1.00\n' + b"A2,2026-09-28,1.00\n" * 1,
        Lands([row("A2")], {("", "field_count"): 1}),
    ),
    "a line break in unquoted text": (UNLOAD, GOOD + b"B\n1|2026-09-28|1.00\n", Lands(GOOD_ROWS, {("", "field_count"): 2})),
    "a NUL byte": (UNLOAD, GOOD + line("B\x001"), Lands(GOOD_ROWS, {("", "encoding"): 1})),
    "a control character": (UNLOAD, GOOD + line("B\x071"), Lands([*GOOD_ROWS, row("B\x071")])),
    "line ends CR LF and LF": (UNLOAD, line("A1")[:-1] + b"\r\n" + line("A2"), Lands([row("A1"), row("A2")])),
    "line ends CR": (UNLOAD, GOOD.replace(b"\n", b"\r"), Refused("3 fields parted by '|'", "")),
    "no final line end": (UNLOAD, GOOD[:-1], Lands(GOOD_ROWS)),
    "blank lines": (UNLOAD, GOOD + b"\n\r\n" + line("B1"), Lands([*GOOD_ROWS, row("B1")])),
    "a delimiter after the last field of every line": (
        UNLOAD, GOOD.replace(b"\n", b"|\n"), Refused("3 fields parted by '|'", "4 in every line")
    ),
    "a delimiter after the last field of one line": (
        UNLOAD, GOOD + b"B1|2026-09-28|1.00|\n", Lands(GOOD_ROWS, {("", "field_count"): 1})
    ),
    "a line of five MiB": (UNLOAD, line("A1") + line(LONG) + line("A2"), Lands([row("A1"), row(LONG), row("A2")])),
    "a record one byte short": (
        FIXED, b"A1      20260928    1.00\nA2     20260928    1.00\n", Lands([row()], {("", "field_count"): 1})
    ),
    # full-width digits
    "full-width digits in an amount": (UNLOAD, GOOD + line("B1", amount="１２"), Lands(GOOD_ROWS, {("balance", "type"): 1})),
    "full-width digits in a date": (
        UNLOAD, GOOD + line("B1", day="２０２６０９２８"), Lands(GOOD_ROWS, {("balance_date", "type"): 1})
    ),
    # values
    "negative zero": (UNLOAD, line(amount="-0.00"), Lands([row(amount="0.00")])),
    "more fraction digits than the contract has": (UNLOAD, line(amount="1.005"), Lands([row(amount="1.01")])),
    "an amount in scientific notation": (
        UNLOAD, GOOD + line("B1", amount="1.23457E+11"), Lands(GOOD_ROWS, {("balance", "digits_lost"): 1})
    ),
    "an account number in scientific notation": (
        UNLOAD, GOOD + line("6.22202E+18"), Lands(GOOD_ROWS, {("account_id", "digits_lost"): 1})
    ),
    "an amount with thousands separators": (UNLOAD, GOOD + line("B1", amount="1,234.00"), Lands(GOOD_ROWS, {("balance", "type"): 1})),
    "an amount that is too large": (UNLOAD, GOOD + line("B1", amount="9" * 17), Lands(GOOD_ROWS, {("balance", "type"): 1})),
    "an amount that is no number": (UNLOAD, GOOD + line("B1", amount="NaN"), Lands(GOOD_ROWS, {("balance", "type"): 1})),
    "a date that does not exist": (UNLOAD, GOOD + line("B1", day="2026-02-30"), Lands(GOOD_ROWS, {("balance_date", "type"): 1})),
    "a date of zeros": (UNLOAD, GOOD + line("B1", day="00000000"), Lands(GOOD_ROWS, {("balance_date", "type"): 1})),
    "the last date of all": (UNLOAD, line(day="99991231"), Lands([row(day="9999-12-31")])),
    "a duplicate key": (UNLOAD, line(amount="1.00") + line(amount="2.00"), Lands([row()], {("account_id,balance_date", "duplicate_key"): 1})),
    # empty files
    "a header and nothing else": (CSV, HEAD, Lands([])),
    "an empty file where a header is due": (CSV, b"", Refused("a header line", "an empty file")),
    "an empty file without a header": (UNLOAD, b"", Lands([])),
    # other kinds of file under the name
    "a workbook under the name of a text": (UNLOAD, b"PK\x03\x04" + b"\x00" * 99, Refused("text", "a zip archive or workbook")),
    "a gzip file where none is described": (UNLOAD, gzip.compress(GOOD), Refused("text", "a gzip file")),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT)
def test_text(make_bank: MakeBank, name: str) -> None:
    delivered, content, outcome = TEXT[name]
    bank = delivered.bank(make_bank)
    (bank.inbox / delivered.file).write_bytes(content)
    delivered.check(bank, outcome)
