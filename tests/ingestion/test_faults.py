"""Every way a batch can go wrong, and its defined outcome: landed, some rows quarantined, or refused whole.

Each case is real bytes, landed as in production. `docs/faults.md` says the same for operators.
"""

import gzip
import os
import resource
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile
from openpyxl.worksheet.worksheet import Worksheet

from ingestion.bank import Bank
from ingestion.inbox import find_delivery
from ingestion.land import land
from ingestion.quarantine import read_quarantine
from qianmo.errors import DataRefusedError, ToolBrokenError
from qianmo.home import PROJECT_ROOT
from qianmo.ledger import landing_batch, landing_reject, rows
from tests.ingestion.conftest import ACCOUNT, DAY, MakeBank, account_row, account_text, deliver_accounts, landed


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


def bad(raw: bytes, reason: str, column: str = "", faulty: int = 1) -> tuple[Delivered, bytes, Outcome]:
    """Good rows and then some bad ones: the good ones land."""
    return UNLOAD, GOOD + raw, Lands(GOOD_ROWS, {(column, reason): faulty})


def good(raw: bytes, *values: tuple[str, str, str]) -> tuple[Delivered, bytes, Outcome]:
    return UNLOAD, raw, Lands(list(values))


TEXT: dict[str, tuple[Delivered, bytes, Outcome]] = {
    # broken encodings
    "a character cut off at a line's end": bad(line("B1")[:-1] + "户".encode("gb18030")[:1] + b"\n", "encoding"),
    "a character cut off at the file's end": bad(line("B1")[:-1] + "户".encode("gb18030")[:1], "encoding"),
    "byte 0x80, the euro sign of code page 936": good(b"\x80|2026-09-28|1.00\n", row("€")),
    "byte 0xFF": bad(b"\xff\xff|2026-09-28|1.00\n", "encoding"),
    "a utf-8 file with some gb18030 lines": (
        CSV,
        HEAD + "".join(f"户{n},2026-09-28,1.00\n" for n in range(8)).encode() + "户,2026-09-28,1\n".encode("gb18030"),
        Lands(GOOD_ROWS, {("", "encoding"): 1}),
    ),
    "a gb18030 file with more utf-8 lines than others": (
        UNLOAD,
        GOOD + b"".join(line(f"户{n}甲", encoding="utf-8") for n in range(20)),
        Refused("encoding gb18030", "20 of 28 non-ASCII lines in another one (first at line 9)"),
    ),
    "utf-8 where gb18030 was described": (
        UNLOAD,
        b"".join(line(f"户{n}", encoding="utf-8") for n in range(8)),
        Refused("encoding gb18030", "utf-8"),
    ),
    "utf-16": (UNLOAD, GOOD.decode("gb18030").encode("utf-16"), Refused("encoding gb18030", "utf-16")),
    "utf-16 without a mark": (
        UNLOAD,
        GOOD.decode("gb18030").encode("utf-16-le"),
        Refused("encoding gb18030", "utf-16"),
    ),
    "a byte-order mark": (CSV, b"\xef\xbb\xbf" + HEAD + b"A1,2026-09-28,1.00\n", Lands([row()])),
    # lines and fields
    "the delimiter as second byte of a character": good(line("脇") + line("倈"), row("脇"), row("倈")),
    "the delimiter inside a value": bad(line("B|1"), "field_count"),
    "the delimiter inside quotes": (CSV, HEAD + b'"A,1",2026-09-28,1.00\n', Lands([row("A,1")])),
    "a line break inside quotes": (
        CSV,
        HEAD + b'"A\n1",2026-09-28,1.00\nA2,2026-09-28,1\n',
        Lands([row("A\n1"), row("A2")]),
    ),
    "a quote that is not closed": (
        CSV,
        HEAD + b'"A1,2026-09-28,1.00\nA2,2026-09-28,1.00\n',
        Lands([row("A2")], {("", "field_count"): 1}),
    ),
    "a line break in unquoted text": bad(b"B1|2026-\n09-28|1.00\n", "field_count", faulty=2),
    "a NUL byte": bad(line("B\x001"), "encoding"),
    "a control character": good(line("B\x071"), row("B\x071")),
    "line ends CR LF and LF": good(line("A1")[:-1] + b"\r\n" + line("A2"), row("A1"), row("A2")),
    "line ends CR": (
        UNLOAD,
        GOOD.replace(b"\n", b"\r"),
        Refused("lines that end in LF or CR LF", "lines that end in CR alone"),
    ),
    "a carriage return inside a value": good(line("B\r1"), row("B\r1")),
    "no final line end": (UNLOAD, GOOD[:-1], Lands(GOOD_ROWS)),
    "blank lines": good(b"\n" + line() + b"\r\n\n", row()),
    "a delimiter after the last field of every line": (
        UNLOAD,
        GOOD.replace(b"\n", b"|\n"),
        Refused("3 fields parted by '|'", "4 in every line"),
    ),
    "a delimiter after the last field of one line": bad(b"B1|2026-09-28|1.00|\n", "field_count"),
    "a line of five MiB": good(line("A1") + line(LONG) + line("A2"), row("A1"), row(LONG), row("A2")),
    "a record one byte short": (
        FIXED,
        b"A1      20260928    1.00\nA2     20260928    1.00\n",
        Lands([row()], {("", "field_count"): 1}),
    ),
    "a character cut in two by its byte position": (
        FIXED,
        "户      20260928    1.00\n户户户户20260928    1.00\n".encode("gbk") + b"1234567\xbb\xa70260928    1.00\n",
        Lands([row("户"), row("户户户户")], {("", "encoding"): 1}),
    ),
    # full-width digits
    "full-width digits in an amount": bad(line("B1", amount="１２"), "type", "balance"),
    "full-width digits in a date": bad(line("B1", day="２０２６０９２８"), "type", "balance_date"),
    # values
    "negative zero": good(line(amount="-0.00"), row(amount="0.00")),
    "more fraction digits than the contract has": good(line(amount="1.005"), row(amount="1.01")),
    "an amount in scientific notation": bad(line("B1", amount="1.23457E+11"), "digits_lost", "balance"),
    "a number in scientific notation": bad(line("6.22202E+18"), "digits_lost", "account_id"),
    "an amount with thousands separators": bad(line("B1", amount="1,234.00"), "type", "balance"),
    "an amount that is too large": bad(line("B1", amount="9" * 17), "type", "balance"),
    "an amount that is no number": bad(line("B1", amount="NaN"), "type", "balance"),
    "a date that does not exist": bad(line("B1", day="2026-02-30"), "type", "balance_date"),
    "a date of zeros": bad(line("B1", day="00000000"), "type", "balance_date"),
    "the last date of all": good(line(day="99991231"), row(day="9999-12-31")),
    "a duplicate key": bad(line("户0", amount="2.00"), "duplicate_key", "account_id,balance_date"),
    # empty files
    "a header and nothing else": (CSV, HEAD, Lands([])),
    "an empty file where a header is due": (CSV, b"", Refused("a header line", "an empty file")),
    "an empty file without a header": good(b""),
    # other kinds of file under the name
    "a workbook under the name of a text": (
        UNLOAD,
        b"PK\x03\x04" + b"\x00" * 99,
        Refused("text", "a zip archive or workbook"),
    ),
    "a gzip file where none is described": (UNLOAD, gzip.compress(GOOD), Refused("text", "a gzip file")),
}


@pytest.mark.parametrize("name", TEXT)
def test_text(make_bank: MakeBank, name: str) -> None:
    delivered, content, outcome = TEXT[name]
    bank = delivered.bank(make_bank)
    (bank.inbox / delivered.file).write_bytes(content)
    delivered.check(bank, outcome)


ROSTER = Delivered(
    "credit.village_roster",
    "roster.xlsx",
    {
        "kind": "xlsx",
        "columns": {
            "村代码": "village",
            "户编号": "household",
            "序号": "member",
            "姓名": "name",
            "身份证号": "id_no",
            "手机": "phone",
            "建档日期": "filed",
        },
    },
    {
        "village_code": "village",
        "household_no": "household",
        "member_no": "member",
        "relation": "'head'",
        "name": "name",
        "id_number": "id_no",
        "phone": "phone",
        "filed_date": "filed",
    },
    "household_no, member_no, id_number_masked, id_number_is_valid, filed_date::varchar",
    ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y年%m月%d日"),
)
HEADER = ["村代码", "户编号", "序号", "姓名", "身份证号", "手机", "建档日期"]
ID = "321281198001011248"
"""A made-up ID number with the right check digit."""


def member(number: int, *, household: str | None = "H1", id_no: Any = ID, filed: Any = "2026-09-28") -> list[Any]:
    return ["V1", household, number, "张三", id_no, "13800000000", filed]


INVALID = ("3.21****E+17", False)
"""An ID number that has lost its last digits lands as one that is not valid."""


def found(number: int, *, household: str = "H1", filed: str = "2026-09-28") -> tuple[Any, ...]:
    return household, number, "3212****1248", True, filed


Fill = Callable[[openpyxl.Workbook, Worksheet], None]


def sheet(*filled: list[Any], then: Fill | None = None) -> Fill:
    """A sheet of a header and rows, and what else is done to it."""

    def fill(workbook: openpyxl.Workbook, worksheet: Worksheet) -> None:
        for values in (HEADER, *filled):
            worksheet.append(values)
        if then:
            then(workbook, worksheet)

    return fill


def second_sheet(state: str, *filled: list[Any]) -> Fill:
    def add(workbook: openpyxl.Workbook, _: Worksheet) -> None:
        other = workbook.create_sheet("另一张")
        other.sheet_state = state
        for values in filled:
            other.append(values)

    return add


def merge(area: str) -> Fill:
    return lambda _, worksheet: worksheet.merge_cells(area)


def hide_row(_: openpyxl.Workbook, worksheet: Worksheet) -> None:
    worksheet.row_dimensions[2].hidden = True


def failed_formula(_: openpyxl.Workbook, worksheet: Worksheet) -> None:
    worksheet["F3"] = "#REF!"
    worksheet["F3"].data_type = "e"


def two_header_rows(_: openpyxl.Workbook, worksheet: Worksheet) -> None:
    worksheet.delete_rows(1)
    worksheet.insert_rows(1, 3)
    worksheet["A1"] = "昌荣镇 整村授信建档表"
    worksheet.merge_cells("A1:G1")
    for column, text in enumerate(HEADER, start=1):
        worksheet.cell(3 if text in ("身份证号", "手机") else 2, column, text)
        if text not in ("身份证号", "手机"):
            worksheet.merge_cells(start_row=2, end_row=3, start_column=column, end_column=column)
    worksheet["E2"] = "联系方式"
    worksheet.merge_cells("E2:F2")


WORKBOOKS: dict[str, tuple[Fill, Outcome]] = {
    "an ID number stored as a number": (
        sheet(member(1), member(2, id_no=321281198001011248)),
        Lands([found(1), ("H1", 2, *INVALID, "2026-09-28")]),
    ),
    "an ID number of 15 digits stored as a number": (sheet(member(1, id_no=321281800101124)), Lands([found(1)])),
    "an ID number shortened when it was typed": (
        sheet(member(1), member(2, id_no="3.21281E+17")),
        Lands([found(1), ("H1", 2, *INVALID, "2026-09-28")]),
    ),
    "full-width digits and blanks in an ID number": (
        sheet(member(1, id_no="３２１２８１ 19800101 1248")),
        Lands([found(1)]),
    ),
    "a household merged over its members": (
        sheet(member(1), member(2, household=None), member(1, household="H2"), then=merge("B2:B3")),
        Lands([found(1), found(2), found(1, household="H2")]),
    ),
    "an empty household that is not merged": (
        sheet(member(1), member(2, household=None)),
        Lands([found(1)], {("household_no", "required"): 1}),
    ),
    "blank rows below a merged cell": (sheet(member(1), then=merge("B2:B9")), Lands([found(1)])),
    "cells merged sideways": (
        sheet(member(1), member(2), then=merge("D3:F3")),
        Lands([found(1), ("H1", 2, None, None, "2026-09-28")]),
    ),
    "a title and a header of two merged rows": (sheet(member(1), then=two_header_rows), Lands([found(1)])),
    "a hidden row": (sheet(member(1), member(2), then=hide_row), Lands([found(1), found(2)])),
    "a hidden sheet": (sheet(member(1), then=second_sheet("hidden", HEADER, member(2))), Lands([found(1)])),
    "a second visible sheet of notes": (sheet(member(1), then=second_sheet("visible", ["说明"])), Lands([found(1)])),
    "a second visible sheet of the same kind": (
        sheet(member(1), then=second_sheet("visible", HEADER, member(2))),
        Refused("one visible sheet with the header", "it in Sheet, 另一张"),
    ),
    "dates in several formats": (
        sheet(
            *(
                member(number, filed=filed)
                for number, filed in enumerate(
                    [
                        "2026-09-28",
                        "20260928",
                        20260928,
                        "2026/9/28",
                        "2026年9月28日",
                        "２０２６-09-28",
                        datetime(2026, 9, 28),
                    ]
                )
            )
        ),
        Lands([found(number) for number in range(7)]),
    ),
    "a date as its serial number": (
        sheet(member(1), member(2, filed=46293)),
        Lands([found(1)], {("filed_date", "type"): 1}),
    ),
    "a formula that failed": (
        sheet(member(1), member(2), then=failed_formula),
        Lands([found(1)], {("", "formula_error"): 1}),
    ),
    "a number as text with blanks": (
        sheet(member(1), ["V1", "H1", " 2 ", "张三", ID, None, "2026-09-28"]),
        Lands([found(1), found(2)]),
    ),
    "a header and no rows": (sheet(), Lands([])),
}


def save(path: Path, fill: Fill) -> Path:
    workbook = openpyxl.Workbook()
    worksheet = workbook.active
    assert isinstance(worksheet, Worksheet)
    fill(workbook, worksheet)
    workbook.save(path)
    return path


@pytest.mark.parametrize("name", WORKBOOKS)
def test_workbook(make_bank: MakeBank, name: str) -> None:
    fill, outcome = WORKBOOKS[name]
    bank = ROSTER.bank(make_bank)
    save(bank.inbox / ROSTER.file, fill)
    ROSTER.check(bank, outcome)


def encrypted(path: Path) -> bytes:
    sealed = BytesIO()
    with save(path, sheet(member(1))).open("rb") as plain:
        OOXMLFile(plain).encrypt("Qianmo-2026", sealed)
    return sealed.getvalue()


def bomb(path: Path) -> bytes:
    with ZipFile(save(path, sheet(member(1))), "a", ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.bin", bytes(100 << 20))
    return path.read_bytes()


def lying_bomb(path: Path) -> bytes:
    """The archive says that the large part has ten bytes."""
    content = bytearray(bomb(path))
    size = struct.pack("<I", 100 << 20)
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = struct.pack("<I", 10)
    return bytes(content)


NO_WORKBOOKS: dict[str, tuple[Callable[[Path], bytes], Outcome]] = {
    "a workbook with a password": (encrypted, Refused("a workbook without a password", "an encrypted one")),
    "an .xls under the name .xlsx": (
        lambda _: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
        Refused("an .xlsx workbook", "an old Office file"),
    ),
    "a CSV under the name .xlsx": (
        lambda _: "村代码,户编号\nV1,H1\n".encode(),
        Refused("an .xlsx workbook", "text or other content"),
    ),
    "an empty file": (lambda _: b"", Refused("an .xlsx workbook", "an empty file")),
    "a workbook that is cut off": (
        lambda path: save(path, sheet(member(1))).read_bytes()[:-200],
        Refused("a complete workbook", "one that is cut off or damaged"),
    ),
    "a workbook that is a bomb": (bomb, Refused("a workbook", "")),
    "a bomb that lies about its size": (lying_bomb, Refused("a workbook", "")),
}


@pytest.mark.parametrize("name", NO_WORKBOOKS)
def test_no_workbook(make_bank: MakeBank, tmp_path: Path, name: str) -> None:
    make, outcome = NO_WORKBOOKS[name]
    bank = ROSTER.bank(make_bank)
    (bank.inbox / ROSTER.file).write_bytes(make(tmp_path / "made.xlsx"))
    ROSTER.check(bank, outcome)


def zipped(**members: bytes) -> bytes:
    return zipped_as({name.replace("_", "."): content for name, content in members.items()})


def zipped_as(members: dict[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def with_link() -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        link = ZipInfo("balance.dat")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return packed.getvalue()


def with_password() -> bytes:
    """A member whose flag says that it is encrypted."""
    content = bytearray(zipped(balance_dat=GOOD))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def damaged() -> bytes:
    """A stored member with one byte changed: its checksum tells."""
    return zipped_as({"balance.dat": GOOD}, ZIP_STORED).replace(b"|1.00\n", b"|9.00\n", 1)


ARCHIVES: dict[str, tuple[dict[str, Any], bytes, Outcome]] = {
    "one member": ({"compression": "zip"}, zipped(balance_dat=GOOD), Lands(GOOD_ROWS)),
    "one member in a folder, with a Chinese name": (
        {"compression": "zip"},
        zipped_as({"核心/余额.dat": GOOD}),
        Lands(GOOD_ROWS),
    ),
    "the named one of several members": (
        {"compression": "zip", "member": "*.dat"},
        zipped(balance_dat=GOOD, readme_txt=b"x"),
        Lands(GOOD_ROWS),
    ),
    "two members": (
        {"compression": "zip"},
        zipped(balance_dat=GOOD, readme_txt=b"x"),
        Refused("exactly one member", "balance.dat, readme.txt"),
    ),
    "two members of the same kind": (
        {"compression": "zip", "member": "*.dat"},
        zipped(a_dat=GOOD, b_dat=GOOD),
        Refused("exactly one member *.dat", "a.dat, b.dat"),
    ),
    "no member": ({"compression": "zip"}, zipped(), Refused("exactly one member", "none")),
    "a zip archive that is cut off": (
        {"compression": "zip"},
        zipped(balance_dat=GOOD)[:-30],
        Refused("a complete zip archive", "none that can be read"),
    ),
    "a zip archive that is damaged": ({"compression": "zip"}, damaged(), Refused("a zip archive", "Bad CRC-32")),
    "a member with a password": (
        {"compression": "zip"},
        with_password(),
        Refused("a zip archive without a password", "balance.dat encrypted"),
    ),
    "an archive in the archive": (
        {"compression": "zip"},
        zipped(balance_zip=zipped(balance_dat=GOOD)),
        Refused("text", "a zip archive or workbook"),
    ),
    "gzip in gzip": ({"compression": "gzip"}, gzip.compress(gzip.compress(GOOD)), Refused("text", "a gzip file")),
    "a name that climbs": (
        {"compression": "zip"},
        zipped_as({"../../etc/balance.dat": GOOD}),
        Refused("members with plain names", "../../etc/balance.dat"),
    ),
    "an absolute name": (
        {"compression": "zip"},
        zipped_as({"/etc/balance.dat": GOOD}),
        Refused("members with plain names", "/etc/balance.dat"),
    ),
    "a name of another system": (
        {"compression": "zip"},
        zipped_as({"C:\\balance.dat": GOOD}),
        Refused("members with plain names", "C:"),
    ),
    "a link": ({"compression": "zip"}, with_link(), Refused("members with plain names", "balance.dat")),
    "no zip archive at all": ({"compression": "zip"}, GOOD, Refused("a complete zip archive", "none that can be read")),
    "a zip bomb": (
        {"compression": "zip"},
        zipped(balance_dat=GOOD + (b"x" * 999 + b"\n") * 200_000),
        Refused("at most 200 times its", "more"),
    ),
    "a gzip bomb": (
        {"compression": "gzip"},
        gzip.compress(GOOD + (b"x" * 999 + b"\n") * 200_000),
        Refused("at most 200 times its", "more"),
    ),
    "more than the description allows": (
        {"compression": "gzip", "expanded_limit_mib": 1},
        gzip.compress(b"".join(line(f"A{n}") for n in range(80_000))),
        Refused("at most 1 MiB when expanded", "more"),
    ),
    "a gzip file that is cut off": (
        {"compression": "gzip"},
        gzip.compress(GOOD)[:-9],
        Refused("a complete gzip file", "one that is cut off"),
    ),
    "an empty gzip file": ({"compression": "gzip"}, b"", Refused("a gzip file", "an empty file")),
    "text where gzip is described": ({"compression": "gzip"}, GOOD, Refused("a gzip file", "Not a gzipped file. ")),
    "gzip with nothing in it": ({"compression": "gzip"}, gzip.compress(b""), Lands([])),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archive(make_bank: MakeBank, name: str) -> None:
    described, content, outcome = ARCHIVES[name]
    bank = UNLOAD.bank(make_bank, **described)
    (bank.inbox / UNLOAD.file).write_bytes(content)
    UNLOAD.check(bank, outcome)
    assert sorted(path.name for path in bank.inbox.iterdir()) == [UNLOAD.file]


def test_a_zipped_workbook(make_bank: MakeBank, tmp_path: Path) -> None:
    bank = ROSTER.bank(make_bank, compression="zip", member="*.xlsx")
    content = save(tmp_path / "made.xlsx", sheet(member(1))).read_bytes()
    (bank.inbox / ROSTER.file).write_bytes(zipped_as({"名单.xlsx": content, "说明.txt": b"x"}))
    ROSTER.check(bank, Lands([found(1)]))


CONTROL_FILE = "balance.ctl"
CONTROLLED_ROWS = HEAD + b"A1,2026-09-28,1.00\nA2,2026-09-28,2.50\n"


def claims(**changed: object) -> bytes:
    """What the control file of the unload says, but for the claims given; None leaves one out."""
    said: dict[str, object] = {
        "business_date": "2026-09-28",
        "rows": 2,
        "bytes": len(CONTROLLED_ROWS),
        "amount_total": "3.50",
        "sha256": sha256(CONTROLLED_ROWS).hexdigest(),
    } | changed
    return "".join(f"{key}={value}\n" for key, value in said.items() if value is not None).encode()


BOTH = Lands([row("A1"), row("A2", "2.50")])
CONTROLS: dict[str, tuple[bytes, Outcome]] = {
    "every claim holds": (claims(), BOTH),
    "a claim that is left out or empty": (claims(rows=None, amount_total=""), BOTH),
    "blanks, capitals and a mark": (b"\xef\xbb\xbf\r\n ROWS = 2 \r\n", BOTH),
    "another encoding": (claims().decode().encode("utf-16"), Refused("a control file in utf-8 or gb18030", "utf-16")),
    "a key to be ignored, in gb18030": (claims() + "sender=兴化农商\n".encode("gb18030"), BOTH),
    "an unknown key": (claims(rows=None, row=2), Refused("keys business_date, rows,", "row in line 5")),
    "a line without a key": (b"2 rows\n", Refused("lines key=value", "another in line 1")),
    "a claim made twice": (claims() + b"rows=3\n", Refused("rows once", "two values")),
    "no claim": (b"\n", Refused("what the sender says of the unload", "no claim")),
    "rows that are no number": (claims(rows="2,0"), Refused("a whole number as rows", "something else in line 2")),
    "another date": (
        claims(business_date="20260927"),
        Refused("business_date 20260927 (by balance.ctl)", "2026-09-28"),
    ),
    "another number of rows": (claims(rows=3), Refused("rows 3 (by balance.ctl)", "2")),
    "more bytes than there are": (
        claims(bytes=len(CONTROLLED_ROWS) + 9),
        Refused(f"bytes {len(CONTROLLED_ROWS) + 9} (by balance.ctl)", f"{len(CONTROLLED_ROWS)}"),
    ),
    "another amount": (claims(amount_total="3.49"), Refused("amount_total 3.49 (by balance.ctl)", "3.50")),
    "another checksum": (claims(sha256="0" * 64), Refused(f"sha256 {'0' * 64} (by balance.ctl)", "")),
    "the unload under the control file's name": (CONTROLLED_ROWS, Refused("lines key=value", "another in line 1")),
    "something large under its name": (bytes(70_000), Refused("a control file", "more than 65,536 bytes")),
}


def controlled(make_bank: MakeBank, **changed: Any) -> Bank:
    described = {
        "files": CSV.file,
        "control": {"file": CONTROL_FILE, "ignore": ["sender"]},
        "format": CSV.format,
        "map": CSV.map,
    }
    return make_bank(core={"account_balance": described | changed})


@pytest.mark.parametrize("name", CONTROLS)
def test_control_file(make_bank: MakeBank, name: str) -> None:
    said, outcome = CONTROLS[name]
    bank = controlled(make_bank)
    (bank.inbox / CSV.file).write_bytes(CONTROLLED_ROWS)
    (bank.inbox / CONTROL_FILE).write_bytes(said)
    if isinstance(outcome, Refused) and "(by" not in outcome.expected:
        replace(CSV, file=CONTROL_FILE).check(bank, outcome)
    else:
        CSV.check(bank, outcome)


def test_a_control_file_that_comes_late(make_bank: MakeBank) -> None:
    bank = controlled(make_bank)
    (bank.inbox / CSV.file).write_bytes(CONTROLLED_ROWS)
    replace(CSV, file=CONTROL_FILE).check(bank, Refused("the control file of the unload", "no such file"))
    (bank.inbox / CONTROL_FILE).write_bytes(claims())
    CSV.check(bank, BOTH)


@pytest.mark.parametrize("due", ["daily", "on_arrival"])
def test_a_control_file_that_comes_before_its_unload(make_bank: MakeBank, due: str) -> None:
    bank = controlled(make_bank, due=due)
    (bank.inbox / CONTROL_FILE).write_bytes(claims())
    CSV.check(bank, Refused("a file for 2026-09-28", "none"))
    (bank.inbox / CSV.file).write_bytes(CONTROLLED_ROWS)
    CSV.check(bank, BOTH)


def test_a_line_break_that_hides_in_the_first_field_is_found_by_the_row_count(make_bank: MakeBank) -> None:
    bank = controlled(make_bank, format=UNLOAD.format, files=UNLOAD.file)
    (bank.inbox / UNLOAD.file).write_bytes(line("A1") + b"A\n2|2026-09-28|1.00\n")
    (bank.inbox / CONTROL_FILE).write_bytes(b"rows=2\n")
    UNLOAD.check(bank, Refused("rows 2 (by balance.ctl)", "3"))


def test_a_file_that_grows_while_it_is_read(make_bank: MakeBank) -> None:
    bank = CSV.bank(make_bank)
    file = bank.inbox / CSV.file
    file.write_bytes(HEAD)
    written, ended = 0, Event()

    def send() -> None:
        nonlocal written
        with file.open("ab", buffering=0) as target:
            while not ended.wait(0.002):
                written += 1
                target.write(f"A{written},2026-09-28,1.00\n".encode())

    sender = Thread(target=send)
    sender.start()
    try:
        CSV.check(bank, Refused("a file that no longer changes", "it written to since"))
    finally:
        ended.set()
        sender.join()
    CSV.check(bank, Lands([row(f"A{number}") for number in range(1, written + 1)]))


def test_a_file_whose_size_and_time_stay_has_changed_all_the_same(make_bank: MakeBank) -> None:
    bank = CSV.bank(make_bank)
    file = bank.inbox / CSV.file
    file.write_bytes(CONTROLLED_ROWS)
    delivery = find_delivery(bank, bank.sources["core"].tables["account_balance"][0], DAY)
    assert delivery
    delivery.check_unmoved()
    before = file.stat()
    file.write_bytes(CONTROLLED_ROWS.replace(b"1.00", b"9.00"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataRefusedError, match="found it written to since"):
        delivery.check_unmoved()
    file.unlink()
    with pytest.raises(DataRefusedError, match="found it gone"):
        delivery.check_unmoved()


def test_two_files_where_one_is_expected(make_bank: MakeBank) -> None:
    bank = controlled(make_bank, files="balance*.csv", one_file=True, control=None)
    for name in (CSV.file, "balance (2).csv"):
        (bank.inbox / name).write_bytes(CONTROLLED_ROWS)
    CSV.check(bank, Refused("one file for 2026-09-28", "2: balance (2).csv, balance.csv"))
    (bank.inbox / "balance (2).csv").unlink()
    CSV.check(bank, BOTH)


def test_a_file_that_cannot_be_read(make_bank: MakeBank) -> None:
    bank = controlled(make_bank)
    (bank.inbox / CSV.file).write_bytes(CONTROLLED_ROWS)
    (bank.inbox / CONTROL_FILE).mkdir()
    replace(CSV, file=CONTROL_FILE).check(bank, Refused("a control file to read", "Is a directory"))


def run_land(bank: Bank, largest_file: int | None = None) -> subprocess.CompletedProcess[str]:
    """`qianmo land` as a process of its own, which may write files up to a size: the error of a full disk."""

    def limit() -> None:
        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [sys.executable, "-m", "qianmo", "--bank", str(bank.folder), "land", "--source", "core", "--date", str(DAY)],
        preexec_fn=limit,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def accounts(count: int, **wrong: str) -> bytes:
    """Rows that do not compress: each has a number of its own."""
    return account_text([account_row(n, no=sha256(str(n).encode()).hexdigest(), **wrong) for n in range(count)])


@pytest.mark.parametrize("what", ["vault", "quarantine", "landing"])
def test_a_disk_that_is_full(make_bank: MakeBank, what: str) -> None:
    bank = make_bank(core={"account": ACCOUNT})
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    land(bank, "core", DAY)
    before = {path: path.read_bytes() for path in bank.home.root.rglob("*.parquet")}
    content = accounts(40_000, cls="gold") if what == "quarantine" else accounts(40_000)
    if what == "landing":
        content = account_text(
            [account_row(n, no="1", cust=sha256(str(n).encode()).hexdigest()) for n in range(40_000)]
        )
    deliver_accounts(bank.inbox, content, 40_000)

    ended = run_land(bank, largest_file=1 << 20)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    [message] = ended.stderr.strip().splitlines()
    assert "File too large" in message
    assert "Nothing of it counts as landed" in message
    assert {path: path.read_bytes() for path in bank.home.root.rglob("*.parquet")} == before
    assert not list(bank.home.root.rglob("*.tmp"))
    assert landed(bank, "core.account", "account_id") == [("A0001",)]
    assert run_land(bank).returncode == 0


def test_a_folder_that_cannot_be_written(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account": ACCOUNT})
    deliver_accounts(bank.inbox, account_text([account_row(1)]), 1)
    bank.home.vault.parent.mkdir(parents=True, exist_ok=True)
    bank.home.vault.write_text("a file in the folder's place")
    with pytest.raises(ToolBrokenError, match=r"core\.account 2026-09-28: expected to write below .*Not a directory"):
        land(bank, "core", DAY)
    assert rows(bank.home, landing_batch) == []


def test_a_mapping_mends_what_a_sender_always_writes(make_bank: MakeBank) -> None:
    """What docs/faults.md advises: the expression of a column is SQL over the source's text."""
    mended = replace(
        UNLOAD,
        map={
            "account_id": "account",
            "balance_date": "coalesce(nullif(half_width(day), '00000000'), '19000101')",
            "balance": "replace(half_width(amount), ',', '')",
        },
    )
    bank = mended.bank(make_bank)
    (bank.inbox / UNLOAD.file).write_bytes(
        line("A1", "２０２６０９２８", "１，２３４．５０") + line("A2", "00000000", "1,000")
    )
    mended.check(bank, Lands([row("A1", "1234.50"), row("A2", "1000.00", "1900-01-01")]))
