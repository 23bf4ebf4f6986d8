"""Readers: every source row comes out once, in order, with its line and bytes; faults are known by row."""

import csv
import gzip
import io
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.encryption import encrypt_xlsx
from ingestion.bank import DelimitedFormat, FixedWidthFormat, XlsxFormat
from ingestion.readers import named
from ingestion.readers import text as text_module
from ingestion.readers.delimited import read_delimited
from ingestion.readers.fixed_width import read_fixed_width
from ingestion.readers.rows import Rows
from ingestion.readers.xlsx import read_xlsx, text_of
from qianmo.errors import DataRefusedError

GB = DelimitedFormat(kind="delimited", encoding="gb18030", delimiter="|!|", columns=["a", "b"])
CSV = DelimitedFormat(kind="delimited", header=True, quote='"')


def read_all(rows: Rows) -> list[dict[str, Any]]:
    found = []
    for piece in rows.pieces():
        raw = piece.raw().to_pylist() if piece.raw else [None] * piece.rows.num_rows
        found += [row | {"_raw": line} for row, line in zip(piece.rows.to_pylist(), raw, strict=True)]
    return found


def values(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(value for name, value in row.items() if not name.startswith("_")) for row in found]


def test_characters_with_the_delimiter_as_second_byte_stay_whole(tmp_path: Path) -> None:
    trail_is_bar = [bytes([lead, 0x7C]).decode("gb18030") for lead in range(0x81, 0xFF) if lead != 0xFF]
    path = tmp_path / "x.dat"
    path.write_bytes("".join(f"{c}{c}|!|{c}!|\n" for c in trail_is_bar).encode("gb18030"))
    assert values(read_all(read_delimited(path, GB))) == [(c + c, c + "!|") for c in trail_is_bar]


def test_a_euro_of_code_page_936_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    path.write_bytes("兴化|!|".encode("gb18030") + b"\x80 5\n")
    assert values(read_all(read_delimited(path, GB))) == [("兴化", "€ 5")]


@pytest.mark.parametrize("chunk_bytes", [7, 64, 1 << 20])
def test_lines_numbers_and_bytes_do_not_depend_on_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(text_module, "CHUNK_BYTES", chunk_bytes)
    lines = [f"行{n}|!|值{n}\n".encode("gb18030") for n in range(40)]
    lines[7] = b"\xff\xff|!|x\n"
    lines[11] = "少".encode("gb18030") + b"\n"
    lines[20] = b"\n"
    lines[30] = lines[30].replace(b"\n", b"\r\n")
    lines[39] = lines[39].rstrip(b"\n")
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"".join(lines)))
    found = read_all(read_delimited(path, GB.model_copy(update={"compression": "gzip"})))
    assert [row["_line"] for row in found] == [n + 1 for n in range(40) if n != 20]
    assert [row["_raw"] for row in found] == [line for n, line in enumerate(lines) if n != 20]
    assert {row["_line"]: row["_fault"] for row in found if row["_fault"]} == {8: "encoding", 12: "field_count"}
    assert found[0]["a"] == "行0"
    assert found[-1]["b"] == "值39"


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(
        st.lists(st.text(st.sampled_from('ab,"\n张三 1'), max_size=6), min_size=3, max_size=3).filter(any),
        min_size=1,
        max_size=30,
    ),
    chunk_bytes=st.sampled_from([16, 50, 1 << 20]),
)
def test_quoted_csv_reads_as_python_reads_it(tmp_path: Path, table: list[list[str]], chunk_bytes: int) -> None:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["x", "y", "z"])
    writer.writerows(table)
    path = tmp_path / "x.csv"
    path.write_bytes(written.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_module, "CHUNK_BYTES", chunk_bytes)
        found = read_all(read_delimited(path, CSV))
    assert values(found) == [tuple(row) for row in table]
    assert b"x,y,z\n" + b"".join(row["_raw"] for row in found) == path.read_bytes()


def test_a_quote_that_is_never_closed_costs_its_own_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('x,y\n1,"open\n' + "".join(f"{n},ok\n" for n in range(300)))
    found = read_all(read_delimited(path, CSV))
    assert [row["_line"] for row in found if row["_fault"]] == [2]
    assert len(found) == 301


def test_a_quote_within_a_field_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('x,y\n1,5" pipe\n2,7" pipe\n3,9" pipe\n')
    assert values(read_all(read_delimited(path, CSV))) == [("1", '5" pipe'), ("2", '7" pipe'), ("3", '9" pipe')]


def test_header_texts_are_mapped_and_held_against_the_description(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\ufeff金额,客户号\n5,C1\n", encoding="utf-8")
    file_format = CSV.model_copy(update={"columns": {"客户号": "cust", "金额": "amount"}})
    assert read_all(read_delimited(path, file_format))[0]["cust"] == "C1"
    described = {"手机": "phone", "客户号": "cust", "金额": "amount"}
    header = read_delimited(path, CSV.model_copy(update={"columns": described})).header
    assert header.absent == {"phone": "手机"}
    assert header.drift == [("金额", "reordered"), ("手机", "removed")]
    path.write_text("金额,金额\n5,6\n", encoding="utf-8")
    with pytest.raises(DataRefusedError, match=r"x\.csv: expected each header column once, found 金额 more than once"):
        read_delimited(path, file_format)
    path.write_text("5,C1\n", encoding="utf-8")
    with pytest.raises(DataRefusedError, match=r"header column 客户号, 金额, found C1, 1 not shown, which may be data"):
        read_delimited(path, file_format)


@pytest.mark.parametrize(
    ("declared", "actual"), [("gb18030", "utf-8"), ("utf-8", "gb18030"), ("gb18030", "utf-16"), ("utf-8", "utf-16")]
)
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, declared: str, actual: str) -> None:
    path = tmp_path / "x.dat"
    path.write_bytes("".join(f"客户{n}|!|兴化市\n" for n in range(50)).encode(actual))
    with pytest.raises(DataRefusedError, match=rf"x\.dat: expected encoding {declared}, found"):
        read_all(read_delimited(path, GB.model_copy(update={"encoding": declared})))


FIXED = FixedWidthFormat.model_validate(
    {
        "kind": "fixed_width",
        "encoding": "gbk",
        "columns": [{"name": "name", "start": 1, "length": 8}, {"name": "no", "start": 9, "length": 4}],
    }
)


def fixed(name: str, number: str) -> bytes:
    encoded = name.encode("gbk")
    return encoded + b" " * (8 - len(encoded)) + number.encode() + b"\n"


def test_fixed_width_positions_are_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(fixed("张三", "0001") + fixed("欧阳建国", "0002") + fixed("Li", "0003")[:-1])
    assert [(a.strip(), b.strip()) for a, b in values(read_all(read_fixed_width(path, FIXED)))] == [
        ("张三", "0001"),
        ("欧阳建国", "0002"),
        ("Li", "0003"),
    ]


def test_fixed_width_faults_are_known_by_row(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    lines = [fixed("张三", "0001"), fixed("李四", "0002")[1:], b"\xd5" + fixed("", "0003")[1:7] + b"\xc80003\n", b"\n"]
    path.write_bytes(b"".join(lines) + fixed("王五", "0005"))
    found = read_all(read_fixed_width(path, FIXED))
    assert [(row["_line"], row["_fault"]) for row in found] == [
        (1, None),
        (2, "field_count"),
        (3, "encoding"),
        (5, None),
    ]
    assert [row["_raw"] for row in found][:3] == lines[:3]


def test_fixed_width_of_another_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes((b"x" * 20 + b"\n") * 3)
    with pytest.raises(DataRefusedError, match=r"x\.txt: expected records of 12 bytes, found 20 bytes in every line"):
        read_all(read_fixed_width(path, FIXED))


XLSX = XlsxFormat(kind="xlsx", columns={"姓名": "name", "身份证号": "id_no", "建档日期": "filed"})


def untidy(path: Path) -> Path:
    workbook = openpyxl.Workbook()
    hidden = workbook.active
    hidden.title = "说明"
    hidden.sheet_state = "hidden"
    sheet = workbook.create_sheet("花名册")
    sheet["A1"] = "昌荣镇  整村授信建档表"
    sheet.merge_cells("A1:D1")
    sheet["A2"] = "填报单位: 村委会"
    sheet.append(["序号", "姓 名", "身份证号", "建档日期 "])
    sheet.append([1, " 张三 ", 321281198001011, "２０２６－０９－０１"])
    sheet.append([])
    sheet.append([2, "李四", 321281198001011234, None])
    sheet.append([3, "　王五　", "32128119800101123x", date(2026, 9, 3)])
    workbook.save(path)
    return path


def test_an_untidy_workbook_is_read(tmp_path: Path) -> None:
    found = read_all(read_xlsx(untidy(tmp_path / "x.xlsx"), XLSX))
    assert values(found) == [
        ("张三", "321281198001011", "2026-09-01"),
        ("李四", "3.212811980010113e+17", None),
        ("王五", "32128119800101123x", "2026-09-03"),
    ]
    assert [row["_line"] for row in found] == [4, 6, 7]


def test_a_workbook_without_the_header_or_sheet_is_refused(tmp_path: Path) -> None:
    path = untidy(tmp_path / "x.xlsx")
    with pytest.raises(
        DataRefusedError, match=r"x\.xlsx: expected header column 电话 .*found 姓名, 3 not shown, which may be data"
    ):
        read_xlsx(path, XLSX.model_copy(update={"columns": {"姓名": "name", "电话": "phone"}}))
    with pytest.raises(DataRefusedError, match=r"expected sheet 名单, found 说明, 花名册"):
        read_xlsx(path, XLSX.model_copy(update={"sheet": "名单"}))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataRefusedError, match=r"x\.xlsx: expected a complete workbook"):
        read_xlsx(path, XLSX)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (13812345678.0, "13812345678"),
        (1.5, "1.5"),
        (True, "true"),
        ("１２３ＡＢ", "123AB"),
        ("村（东）", "村（东）"),
        (" \u3000", None),
    ],
)
def test_cells_become_plain_text(cell: object, text: str | None) -> None:
    assert text_of(cell) == text


def test_evidence_of_utf8_is_gathered_over_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "CHUNK_BYTES", 16)
    path = tmp_path / "x.dat"
    path.write_text("张|!|1\nplain ascii|!|2\n" * 8, encoding="utf-8")
    with pytest.raises(DataRefusedError, match="expected encoding gb18030, found utf-8"):
        read_all(read_delimited(path, GB))


def test_a_file_without_lines_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "CHUNK_BYTES", 16)
    monkeypatch.setattr(text_module, "_LONGEST_LINE_BYTES", 64)
    path = tmp_path / "x.dat"
    path.write_bytes(b"\x00" * 500)
    with pytest.raises(DataRefusedError, match="expected lines of text"):
        read_all(read_delimited(path, GB))


def test_a_delivered_list_comes_back_with_its_recipients_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name says whose file it is and what it belongs to; the password follows from both, or there is none."""
    monkeypatch.setattr(named, "derive_password", lambda *parts: " ".join(parts))
    described = XLSX.model_copy(
        update={"name_parts": r"-(?P<month>\d{6})\d{2}-(?P<recipient>\w+)", "recipient_password": True}
    )

    def read(path: Path) -> list[dict[str, Any]]:
        parts = named.name_parts(path, described)
        return read_all(named.with_parts(read_xlsx(path, described, named.recipient_passwords("b", parts)), parts))

    plain = untidy(tmp_path / "a-20260928-E00001.xlsx")
    locked, other = tmp_path / "副本a-20260928-E00001 (1).xlsx", tmp_path / "a-20260928-E00002.xlsx"
    for path in (locked, other):
        path.write_bytes(encrypt_xlsx(plain.read_bytes(), "b manager E00001 2026-09"))
    assert read(locked) == read(plain)
    assert {row["recipient"] for row in read(locked)} == {"E00001"}
    with pytest.raises(DataRefusedError, match="another password"):
        read(other)
    with pytest.raises(DataRefusedError, match="was delivered with"):
        read(plain.rename(tmp_path / "list.xlsx"))
    with pytest.raises(DataRefusedError, match="without a password"):
        read_xlsx(locked, XLSX)
