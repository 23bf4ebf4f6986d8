"""The raw identifiers of a bank's people, and where they stand in files: for proof that none left the vault.

What is looked for comes from the sources themselves (every ID number and phone in the inbox and its database) and from
the vault (names, account numbers and addresses too). Files are searched as bytes and as the text they hold.
"""

import csv
import gzip
import io
import json
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.encryption import is_encrypted, read_encrypted
from ingestion.readers.embedded_postgres import running
from qianmo.home import BankHome

ID_NUMBER = re.compile(
    r"(?<![0-9])[1-9][0-9]{5}(?:(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{3}[0-9Xx]"
    r"|[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{3})(?![0-9])"
)
"""18 digits, or 15 of an old card."""
PHONE = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])")
_DIGITS = re.compile(r"[0-9]{10,}[0-9Xx]")
_CHINESE = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fff0-9]+")
_COUNTRY = ("", "0", "86", "0086")
_SHORTEST = {"name": 3, "address": 3, "phone": 11, "id_number": 15, "account_number": 15}
"""Shorter values, such as names of two characters, are in too many texts to tell anything."""
_ZSTD = b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 16


@dataclass(frozen=True)
class RawValues:
    """What must not be found."""

    numbers: set[str] = field(default_factory=set)
    """ID numbers and account numbers: found as any part of a run of digits."""
    phones: set[str] = field(default_factory=set)
    """Found as a run of digits of their own, with or without a country code."""
    texts: set[str] = field(default_factory=set)
    """Names and addresses: found as any part of a run of Chinese characters and digits."""
    odd: set[str] = field(default_factory=set)
    """What is neither, such as a mistyped ID number with a letter in it: looked for one by one."""

    def __len__(self) -> int:
        return len(self.numbers) + len(self.phones) + len(self.texts) + len(self.odd)

    def __or__(self, other: "RawValues") -> "RawValues":
        return RawValues(
            self.numbers | other.numbers, self.phones | other.phones, self.texts | other.texts, self.odd | other.odd
        )

    def add(self, value: str) -> None:
        """A value of the kind that it looks like."""
        kinds = ((PHONE, self.phones), (_DIGITS, self.numbers), (_CHINESE, self.texts), (re.compile(".*"), self.odd))
        next(values for pattern, values in kinds if pattern.fullmatch(value)).add(value)

    def found_in(self, text: str) -> set[str]:
        """The values that stand in a text: candidates are cut out of it and looked up."""
        found = {value for value in self.odd if value in text}
        for run in set(_DIGITS.findall(text)):
            found |= _parts(run, _lengths(self.numbers)) & self.numbers
            found |= {run[len(code) :] for code in _COUNTRY if run.startswith(code)} & self.phones
        for run in set(_CHINESE.findall(text)) if self.texts else ():
            found |= _parts(run, _lengths(self.texts)) & self.texts
        return found

    def found_in_bytes(self, content: bytes) -> set[str]:
        """The values that stand in bytes as UTF-8 or as GB18030."""
        return self.found_in(content.decode("utf-8", "replace")) | self.found_in(content.decode("gb18030", "replace"))


_known_lengths: dict[int, tuple[int, list[int]]] = {}


def _lengths(values: set[str]) -> list[int]:
    """The distinct lengths of a set's values, counted again when it grows."""
    known = _known_lengths.get(id(values))
    if known is None or known[0] != len(values):
        known = _known_lengths[id(values)] = (len(values), sorted({len(value) for value in values}))
    return known[1]


def _parts(run: str, lengths: list[int]) -> set[str]:
    return {run[at : at + length] for length in lengths for at in range(len(run) - length + 1)}


def of_sources(home: BankHome) -> RawValues:
    """Every ID number and phone in the bank's inbox: text in its encodings, workbooks, the database."""
    numbers: set[str] = set()
    phones: set[str] = set()
    for text in _delivered(home.inbox):
        numbers |= set(ID_NUMBER.findall(text))
        phones |= set(PHONE.findall(text))
    return RawValues(numbers | {number.upper() for number in numbers}, phones)


def _delivered(inbox: Path) -> Iterator[str]:
    databases = {path.parent for path in inbox.rglob("PG_VERSION")}
    databases = {path for path in databases if not databases & set(path.parents)}
    for path in sorted(inbox.rglob("*")):
        if not path.is_file() or databases & set(path.parents):
            continue
        content = path.read_bytes()
        if path.suffix == ".xlsx":
            # A list that came back has a password, and its names and phones are the vault's.
            if zipfile.is_zipfile(io.BytesIO(content)):
                yield _workbook(content)
        else:
            yield (gzip.decompress(content) if path.suffix == ".gz" else content).decode("gb18030", "replace")
    for folder in databases:
        yield from _database(folder)


def _workbook(content: bytes) -> str:
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    return "\n".join(
        " ".join(str(cell) for cell in row if cell is not None)
        for sheet in book
        for row in sheet.iter_rows(values_only=True)
    )


def _database(folder: Path) -> Iterator[str]:
    import psycopg2

    with running(folder) as url:
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg2.connect(address)
        try:
            cursor = connection.cursor()
            cursor.execute("select tablename from pg_tables where schemaname = 'public'")
            for (table,) in cursor.fetchall():
                target = io.StringIO()
                cursor.copy_expert(f'copy "{table}" to stdout', target)
                yield target.getvalue()
        finally:
            connection.close()


def of_vault(home: BankHome, but: Iterable[str] = ()) -> RawValues:
    """Every value in the vault that is long enough to be told from other text; not those that contain one of `but`."""
    values = RawValues()
    open_names = "\n".join(but)
    for path in sorted(home.vault.rglob("*.parquet")):
        for row in (row for batch in read_encrypted(path) for row in batch.to_pylist()):
            kind, value = row["kind"], row["value"]
            if len(value) >= _SHORTEST[kind] and (kind not in ("name", "address") or value not in open_names):
                values.add(value)
    return values


def open_names(home: BankHome) -> set[str]:
    """Names that landing holds openly by contract: of employees, firms, shops, employers."""
    names: set[str] = set()
    for table, column in (
        ("core/employee", "employee_name"),
        ("external/business_registry", "entity_name"),
        ("external/business_registry", "registered_address"),
        ("external/employer_list", "employer_name"),
        ("social_security/contribution", "employer_name"),
        ("acquiring/merchant", "merchant_name"),
    ):
        files = [path for path in (home.landing / table).glob("*.parquet") if path.name != "_contract.parquet"]
        for path in files:
            names |= set(pq.read_table(path, columns=[column])[column].to_pylist())
    return names - {None}


def files_to_search(root: Path, but: Iterable[Path] = ()) -> list[Path]:
    """Every file below a folder, without those in the folders (or files) of `but`."""
    left_out = set(but)
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and path not in left_out and not left_out & set(path.parents)
    ]


def search(values: RawValues, files: Iterable[Path]) -> tuple[dict[Path, set[str]], int]:
    """Where values stand: in the bytes of each file and in what it holds; and the bytes searched."""
    found: dict[Path, set[str]] = {}
    size = 0
    for path in files:
        content = path.read_bytes()
        here = values.found_in_bytes(content)
        size += len(content)
        for text in _texts(path, content):
            here |= values.found_in(text)
            size += len(text)
        if here:
            found[path] = here
    return found, size


def _texts(path: Path, content: bytes) -> Iterator[str]:
    """What a file holds, as text: tables as CSV, archives member by member; of unknown formats the zstd frames."""
    if content.startswith(b"PAR1") and content.endswith(b"PAR1") and len(content) > len(b"PAR1PAR1"):
        yield _parquet(path)
    elif content.startswith(b"SQLite format 3\x00"):
        yield _sqlite(path)
    elif content[8:12] == b"DUCK":
        yield from _duckdb(path)
    elif content.startswith(b"PK\x03\x04"):
        yield from _archive(content)
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content).decode("utf-8", "replace")
    elif path.suffix == ".json":
        with suppress(ValueError):  # one that is not whole was searched as bytes
            yield json.dumps(json.loads(content), ensure_ascii=False)
    elif not is_encrypted(path):
        # an unfinished Parquet file of a killed run, or what DuckDB spilled
        for frame in _zstd_frames(content):
            yield frame.decode("utf-8", "replace")


def _parquet(path: Path) -> str:
    with pq.ParquetFile(path) as file:
        text = io.StringIO()
        writer = csv.writer(text)
        for batch in file.iter_batches():
            writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        return text.getvalue() + str(file.metadata.metadata)


def _sqlite(path: Path) -> str:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def _duckdb(path: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as searched (read_only)")
        connection.execute("use searched")
        connection.execute(f"export database '{folder}/out' (format csv)")
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                yield file.read_text(encoding="utf-8")


def _archive(content: bytes) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            if not member.flag_bits & 1:  # encrypted: for a recipient
                yield archive.read(member).decode("utf-8", "replace")


def _zstd_frames(content: bytes) -> Iterator[bytes]:
    """What can be unpacked of every zstd frame in bytes, cut ones too."""
    at = content.find(_ZSTD)
    while at >= 0:
        pieces = []
        try:
            with pa.CompressedInputStream(pa.BufferReader(memoryview(content)[at:]), "zstd") as stream:
                while piece := stream.read(_PIECE):
                    pieces.append(piece)
        except OSError:
            pass  # the end of the frame
        if pieces:
            yield b"".join(pieces)
        at = content.find(_ZSTD, at + 1)


def leaky_files(value: str, folder: Path) -> list[Path]:
    """One file per format with a value in it, so that a search can show that it finds what is there."""
    table = pa.table({"column": [value] * 1000, "other": [f"{number:08d}" for number in range(1000)]})
    pq.write_table(table, folder / "landed.parquet", compression="zstd")
    whole = (folder / "landed.parquet").read_bytes()
    (folder / ".landed.parquet.1.tmp").write_bytes(whole[: len(whole) // 2])
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.execute("create table batch (message text)")
        connection.execute("insert into batch values (?)", [f"expected a date, found {value}"])
    connection.close()
    with duckdb.connect(str(folder / "warehouse.duckdb")) as database:
        database.register("leak", table)
        database.execute("create table landed as from leak")
    book = openpyxl.Workbook()
    book.active.append(["证件", value])  # type: ignore[union-attr]
    book.save(folder / "list.xlsx")
    (folder / "gate.json").write_text(json.dumps({"observed": [value]}))
    (folder / "index.html").write_text(f"<td>{value}</td>", encoding="utf-8")
    (folder / "land.log").write_bytes(f"行 12: {value}\n".encode("gb18030"))
    (folder / "rows.csv.gz").write_bytes(gzip.compress(f"1,{value}\n".encode()))
    return sorted(path for path in folder.iterdir() if path.is_file())


def told(found: dict[Path, set[str]], root: Path) -> str:
    """Hits by file, with values masked: this text goes to a terminal and to logs."""
    masked = {
        str(path.relative_to(root)): sorted(f"{value[:2]}…{value[-2:]} ({len(value)} characters)" for value in values)[
            :5
        ]
        for path, values in found.items()
    }
    return json.dumps(masked, ensure_ascii=False, indent=2)
