"""A few dozen of the damaged files that `python -m tests.evidence.fuzz` lands by the thousand, and what it found."""

from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from ingestion.bank import DelimitedFormat, XlsxFormat
from ingestion.readers.delimited import read_delimited
from ingestion.readers.xlsx import read_xlsx
from qianmo.errors import DataRefusedError
from qianmo.settings import create_keys, keys
from sample_county.generate import generate
from tests.evidence.fuzz import Fuzzer
from tests.ingestion import fuzzing

SEED = 11
FILES = 32


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fuzz")
    generate(place / "inbox", 0.001, 20211231, fuzzing.FIRST, fuzzing.SECOND, place / "postgres", place / "truth")
    return place / "inbox"


@pytest.fixture(scope="module")
def fuzzer(inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzer]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("QIANMO_HOME", str(home))
        keys.cache_clear()
        create_keys()
        yield Fuzzer(inbox, home, SEED, large_share=0)
    keys.cache_clear()


@pytest.mark.parametrize("number", range(FILES))
def test_a_damaged_file_lands_or_is_refused_whole(fuzzer: Fuzzer, number: int) -> None:
    outcome = fuzzer.run(number)
    assert not outcome.failure, f"{outcome.kind}, {outcome.steps}: {outcome.failure}"


def test_a_damaged_file_goes_through_the_command(fuzzer: Fuzzer) -> None:
    outcome = fuzzer.run(FILES, by_command=True)
    assert not outcome.failure, f"{outcome.kind}, {outcome.steps}: {outcome.failure}"


def test_a_number_is_the_same_damage_each_time(inbox: Path) -> None:
    deliveries = fuzzing.deliveries(inbox)
    for number in range(40):
        once, again = (fuzzing.draw(deliveries, SEED, number, large_share=0) for _ in range(2))
        assert once == again, once.steps


@pytest.mark.parametrize(
    "text",
    [
        "321281199604010011,侯辉国,2026-08\n",
        "id_no,name,monthDB321281199604010011,侯辉国,2026-08\n",
        "id_no,nam,month\n321281199604010011,侯辉国,2026-08\n",
    ],
    ids=["no header", "header and first row joined", "column renamed"],
)
def test_what_is_said_of_a_header_shows_no_data(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fund.csv"
    path.write_text(text)
    described = DelimitedFormat(kind="delimited", header=True, columns=["id_no", "name", "month"], quote='"')
    try:
        said = str(read_delimited(path, described).header.drift)
    except DataRefusedError as refused:
        said = str(refused)
    assert "month" in said or "name" in said
    assert "32128" not in said
    assert "侯" not in said
    assert ("'nam'" in said) == text.startswith("id_no,nam,")


def test_what_is_said_of_a_repeated_column_shows_no_data(tmp_path: Path) -> None:
    path = tmp_path / "fund.csv"
    path.write_text("id_no,name,name,侯辉国,侯辉国\n")
    with pytest.raises(DataRefusedError, match="found name, 1 not shown, which may be data more than once"):
        read_delimited(path, DelimitedFormat(kind="delimited", header=True, columns=["id_no", "name"]))


def test_what_is_said_of_a_form_shows_no_data(tmp_path: Path) -> None:
    path = tmp_path / "form.xlsx"
    book = openpyxl.Workbook()
    book.worksheets[0].append(["姓名", "侯辉国", "身份证号", "321281199604010011", "单位321281199604010011"])
    book.save(path)
    described = XlsxFormat(kind="xlsx", columns={"姓名": "name", "身份证号": "id_no", "单位": "employer"})
    header = read_xlsx(path, described).header
    assert header.drift == [("第2列", "added"), ("第4列", "added"), ("第5列", "added"), ("单位", "removed")]


def test_an_archive_whose_parts_are_not_where_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roster.xlsx"
    book = openpyxl.Workbook()
    book.worksheets[0].append(["姓名"])
    book.save(path)
    content = path.read_bytes()
    path.write_bytes(content[:60] + content[61:])
    with pytest.raises(DataRefusedError, match=r"roster\.xlsx: expected a .*workbook, found "):
        read_xlsx(path, XlsxFormat(kind="xlsx", columns={"姓名": "name"}))


@pytest.mark.parametrize("far", ["XFD1048576", "B1048576"])
def test_a_cell_in_a_far_corner_does_not_take_all_memory(tmp_path: Path, far: str) -> None:
    path = tmp_path / "roster.xlsx"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["姓名", "联系电话"])
    sheet.append(["张三", "13900000001"])
    sheet[far] = "."
    book.save(path)
    described = XlsxFormat(kind="xlsx", columns={"姓名": "name", "联系电话": "phone"})
    if far == "XFD1048576":
        message = r"roster\.xlsx: expected a worksheet of up to 16,000,000 cells, found one with 1,048,576 rows"
        with pytest.raises(DataRefusedError, match=message):
            read_xlsx(path, described)
    else:
        assert [piece.rows.num_rows for piece in read_xlsx(path, described).pieces()] == [2]
