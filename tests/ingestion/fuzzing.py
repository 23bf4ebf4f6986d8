"""What is fuzzed and what must hold: deliveries of the sample county, and the examination of one damaged landing.

The examination counts and compares by other means than the readers do: it splits bytes at line feeds, opens workbooks
with another library, and reads what landed from the Parquet files and the ledger.
"""

import csv
import gzip
import io
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import yaml
from sqlalchemy import select

import ingestion.batch
import ingestion.readers.text
from ingestion.bank import Bank, load_bank
from ingestion.encryption import read_encrypted
from ingestion.land import land
from ingestion.quarantine import read_quarantine
from qianmo.errors import DataRefusedError
from qianmo.home import PROJECT_ROOT
from qianmo.ledger import landing_batch, landing_reject, metadata, rows, transaction
from tests.ingestion.mutator import Delivery, Mutation, mutate, text_rows

FIRST, SECOND = date(2026, 9, 28), date(2026, 9, 29)

_LARGE_BYTES = 9 << 20
"""More than two blocks of 4 MiB, so that records lie across the places where a reader's blocks end."""

_RECORDS_SOUGHT = 100
_LONGEST_RECORD_LINES = 100
"""An open quote takes in everything up to the next one: beyond so many lines that is no record."""

LARGE = frozenset({"large core text", "large fixed width", "large quoted CSV"})
"""Kinds that take seconds each."""


def deliveries(inbox: Path) -> list[Delivery]:
    """One or more of every kind of file, from the inbox of a generated sample county of FIRST and SECOND."""
    return [
        _core(inbox, "core text, customers", "customer", FIRST),
        _core(inbox, "core text, accounts", "account", FIRST),
        _core(inbox, "core text, a day's postings", "transaction", SECOND),
        _core(inbox, "core text, a day's balances", "account_balance", SECOND),
        _core(inbox, "large core text", "transaction", FIRST, _LARGE_BYTES),
        _fixed_width(inbox, "fixed width, cards", "card_holder"),
        _fixed_width(inbox, "fixed width, benefits", "benefit_payment"),
        _fixed_width(inbox, "large fixed width", "benefit_payment", years=40),
        _csv(inbox, "CSV, loans", "credit", "loan"),
        _csv(inbox, "CSV, guarantees", "credit", "guarantee"),
        _csv(inbox, "CSV with legal basis, housing fund", "external", "housing_fund"),
        _csv(inbox, "CSV with legal basis, authorisations", "marketing", "authorisation"),
        _csv(inbox, "quoted CSV, employers", "external", "employer_list", quoted=True),
        _csv(inbox, "large quoted CSV", "master", "target", quoted=True, times=8),
        _workbooks(inbox, "workbooks, rosters", "credit", "village_roster", "roster/*.xlsx"),
        _workbooks(inbox, "workbooks, contributions", "social_security", "contribution", "contribution_*.xlsx"),
        _workbooks(inbox, "workbook with legal basis, visits", "marketing", "visit", "visit_*.xlsx"),
    ]


def draw(all_deliveries: list[Delivery], seed: int, number: int, large_share: float) -> Mutation:
    """The mutation of a number, the same for the same deliveries and seed."""
    chance = random.Random(f"{seed}:{number}")
    is_large = chance.random() < large_share
    return mutate(chance.choice([d for d in all_deliveries if (d.kind in LARGE) == is_large]), chance)


@contextmanager
def blocks(mutation: Mutation, seed: int, number: int) -> Iterator[None]:
    """Blocks and groups of a size drawn for the number: small ones put their ends everywhere in a small file."""
    chance = random.Random(f"blocks {seed}:{number}")
    is_large = mutation.delivery.kind in LARGE or "huge field" in mutation.steps
    usual = _sizes()
    block = chance.choice((usual[0], 1 << 16, 1 << 16 if is_large else 1 << 9))
    group = chance.choice((usual[1], 1 << 20, 1 << 20 if is_large else 1 << 13))
    _set_sizes(block, group)
    try:
        yield
    finally:
        _set_sizes(*usual)


def _sizes() -> tuple[int, int]:
    return ingestion.readers.text.CHUNK_BYTES, ingestion.batch._GROUP_BYTES


def _set_sizes(block: int, group: int) -> None:
    ingestion.readers.text.CHUNK_BYTES, ingestion.batch._GROUP_BYTES = block, group


def _table(source: str, table: str) -> dict[str, Any]:
    """The sample bank's first description of a table, with the defaults of its source."""
    document = yaml.safe_load((PROJECT_ROOT / "banks" / "sample" / "sources" / f"{source}.yml").read_text())
    described = document["tables"][table]
    described = described[0] if isinstance(described, list) else described
    defaults = document.get("defaults", {})
    below = defaults.get("format", {})
    own = described.get("format", {})
    layout = {**(below if own.get("kind") in (None, below.get("kind")) else {}), **own}
    return {**defaults, **described, "format": layout}


def _core(inbox: Path, kind: str, table: str, day: date, size: int | None = None) -> Delivery:
    folder = f"core/{day:%Y%m%d}"
    data, control = f"{folder}/{table}_{day:%Y%m%d}.dat.gz", f"{folder}/{table}_{day:%Y%m%d}.ctl"
    files = {name: (inbox / name).read_bytes() for name in (data, control)}
    if size:
        content = gzip.decompress(files[data])
        content = content[: content.rindex(b"\n", 0, size) + 1]
        files[data] = gzip.compress(content, 1, mtime=0)
        count = content.count(b"\n")
        digest = sha256(files[data]).hexdigest()
        stated = f"business_date={day}\nrows={count}\nbytes={len(files[data])}\namount_total=\nsha256={digest}\n"
        files[control] = stated.encode()
    return Delivery(
        kind, "core", table, day, data, files, encoding="gb18030", delimiter=b"|!|", is_gzip=True, control=control
    )


def _fixed_width(inbox: Path, kind: str, table: str, years: int = 1) -> Delivery:
    data = f"social_security/{FIRST:%Y%m%d}/{table}_{FIRST:%Y%m%d}.txt"
    content = (inbox / data).read_bytes()
    columns = _table("social_security", table)["format"]["columns"]
    if years > 1:
        month = next(column for column in columns if column["name"] == "benefit_month")
        start, end = month["start"] - 1, month["start"] + 3
        content = b"".join(
            line[:start] + f"{int(line[start : start + 4]) - number}".encode() + line[end:]
            for number in range(years)
            for line in content.splitlines(keepends=True)
        )
    starts = tuple(column["start"] - 1 for column in columns)
    return Delivery(kind, "social_security", table, FIRST, data, {data: content}, encoding="gbk", starts=starts)


def _csv(inbox: Path, kind: str, source: str, table: str, quoted: bool = False, times: int = 1) -> Delivery:
    name = f"{table}.csv" if source == "master" else f"{table}_{FIRST:%Y%m%d}.csv"
    data, basis = f"{source}/{FIRST:%Y%m%d}/{name}", f"{source}/{FIRST:%Y%m%d}/{Path(name).stem}.basis.json"
    content = (inbox / data).read_bytes()
    if quoted:
        header, *records = csv.reader(io.StringIO(content.decode(), newline=""))
        if times > 1:
            year = header.index("period_start")
            records = [
                [*r[:year], f"{int(r[year][:4]) + at}{r[year][4:]}", *r[year + 1 :]]
                for at in range(times)
                for r in records
            ]
        else:
            for number, record in enumerate(records):
                record[1] += ("", "(原“兴化”)", '"老字号"', ",分公司", "\n二部", '"",\n\n"')[number % 6]
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([header, *records])
        content = text.getvalue().encode()
    files = {data: content}
    has_basis = (inbox / basis).is_file()
    if has_basis:
        files[basis] = (inbox / basis).read_bytes()
    return Delivery(
        kind,
        source,
        table,
        FIRST,
        data,
        files,
        delimiter=b",",
        has_header=True,
        is_quoted=True,
        basis=basis if has_basis else None,
    )


def _workbooks(inbox: Path, kind: str, source: str, table: str, pattern: str) -> Delivery:
    """Two workbooks at most: the first is damaged, the other one stays."""
    found = sorted((inbox / source / f"{FIRST:%Y%m%d}").glob(pattern))[:2]
    names = [str(path.relative_to(inbox)) for path in found]
    files = {name: path.read_bytes() for name, path in zip(names, found, strict=True)}
    basis = f"{source}/{FIRST:%Y%m%d}/{found[0].stem}.basis.json"
    has_basis = (inbox / basis).is_file()
    if has_basis:
        files[basis] = (inbox / basis).read_bytes()
    return Delivery(
        kind,
        source,
        table,
        FIRST,
        names[0],
        files,
        is_workbook=True,
        basis=basis if has_basis else None,
        columns=tuple(_table(source, table)["format"]["columns"]),
    )


def write_bank(folder: Path, delivery: Delivery) -> Path:
    """A bank folder with one table, described as in the sample bank; returns it."""
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    bank = {
        "name": "fuzz",
        "legal_entity_code": "321281",
        "legal_entity_name": "示范农商银行",
        "sources": [delivery.source],
    }
    source = {
        "source": delivery.source,
        "label": delivery.source,
        "tables": {delivery.table: _table(delivery.source, delivery.table)},
    }
    for path, document in ((folder / "bank.yml", bank), (folder / "sources" / f"{delivery.source}.yml", source)):
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return folder


def deliver(bank: Bank, delivery: Delivery) -> None:
    """Put the files into the bank's inbox; everything that was below its home is removed before."""
    shutil.rmtree(bank.home.root, ignore_errors=True)
    for name, content in delivery.files.items():
        path = bank.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass(frozen=True)
class Clean:
    """The undamaged landing of a delivery."""

    landing: Path
    header: bytes
    """First line of a text file."""
    lines: Mapping[bytes, int]
    """Line of the file to its `source_row`; empty where a line is not a row."""
    raw_values: frozenset[str]
    """Everything that may be in the vault alone."""


def land_clean(bank_folder: Path, delivery: Delivery, keep: Path) -> Clean:
    """Land the delivery as it was sent; the landing is kept as `keep`.

    Raises:
        AssertionError: it did not land whole.
    """
    bank = load_bank(bank_folder)
    deliver(bank, delivery)
    (result,) = land(bank, delivery.source, delivery.business_date)
    counted = expected_rows(delivery)
    assert counted in (None, result.rows_in), (delivery.kind, result, counted)
    assert result.rows_landed >= result.rows_in - 3, (delivery.kind, result)  # rosters have planted total rows
    keep.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_file(bank.home.landing, delivery), keep)
    lines: dict[bytes, int] = {}
    if not delivery.is_workbook and counted is not None:
        kept = [line.rstrip(b"\r") for line in delivery.content.split(b"\n")[delivery.has_header :]]
        lines = {line: number for number, line in enumerate((line for line in kept if line), start=1)}
    vault = _file(bank.home.vault, delivery)
    batches = read_encrypted(vault) if vault.exists() else []
    values = {str(value) for batch in batches for value in batch["value"].to_pylist()}
    header = b"" if delivery.is_workbook else delivery.content.split(b"\n")[0].rstrip(b"\r")
    return Clean(keep, header, lines, frozenset(value for value in values if len(value) > 1))


@dataclass(frozen=True)
class Examined:
    """What became of a damaged delivery."""

    status: str
    rows_in: int
    rows_quarantined: int
    is_counted: bool
    """An independent count of the rows agreed."""
    lines_compared: int
    """Undamaged lines that were seen to have landed as in the undamaged landing."""


class FuzzError(Exception):
    """Something that must hold does not."""


def _demand(holds: bool, message: str) -> None:
    if not holds:
        raise FuzzError(message)


def land_damaged(bank: Bank, delivery: Delivery, clean: Clean) -> None:
    """Land through the function, twice where it lands: the second time nothing changes.

    Raises:
        FuzzError: the second time is not the same.
        Exception: whatever the landing raises that is no refusal of the data.
    """
    said: list[str] = []
    try:
        (first,) = land(bank, delivery.source, delivery.business_date, said.append)
    except DataRefusedError as error:
        no_raw_values("\n".join([*said, str(error)]), clean)
        return
    no_raw_values("\n".join(said), clean)
    (again,) = land(bank, delivery.source, delivery.business_date)
    counts = (first.rows_in, first.rows_landed, first.rows_quarantined)
    _demand(again.status == "unchanged", f"landed a second time: {again.status}")
    _demand(counts == (again.rows_in, again.rows_landed, again.rows_quarantined), f"{first} became {again}")


def examine(bank: Bank, mutation: Mutation, clean: Clean) -> Examined:
    """Hold the ledger and the files of a landing against the damaged delivery.

    Raises:
        FuzzError: a row is lost, doubled or changed, a refused batch left something, or a raw value got out.
    """
    delivery = mutation.delivery
    with transaction(bank.home) as connection:
        ledger = [str(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    no_raw_values("\n".join(ledger), clean)
    found = rows(bank.home, landing_batch)
    _demand(len(found) == 1, f"{len(found)} ledger rows")
    batch = found[0]
    _no_leftovers(bank)
    landing, quarantine = _file(bank.home.landing, delivery), _file(bank.home.quarantine, delivery)
    if batch["status"] == "refused":
        for folder in (bank.home.landing, bank.home.quarantine, bank.home.vault):
            _demand(not _file(folder, delivery).exists(), f"refused, but {folder.name} has a file")
        _demand(not rows(bank.home, landing_reject), "refused, but the ledger has rejected rows")
        for word in ("expected", "found"):
            _demand(word in batch["message"], f"the message does not say what was {word}: {batch['message']}")
        names = [Path(name).name for name in delivery.files]
        _demand(any(name in batch["message"] for name in names), f"the message names no file: {batch['message']}")
        return Examined("refused", 0, 0, False, 0)
    rows_in, landed, quarantined = (int(batch[name]) for name in ("rows_in", "rows_landed", "rows_quarantined"))
    _demand(batch["status"] == "landed", f"status {batch['status']}")
    _demand(rows_in == landed + quarantined, f"{rows_in} in, {landed} landed, {quarantined} quarantined")
    numbers = pq.read_table(landing, columns=["source_row"])["source_row"].to_pylist()
    _demand(len(numbers) == landed, f"{landed} landed by the ledger, {len(numbers)} in the file")
    rejected = read_quarantine(bank.home, delivery.source, delivery.table, delivery.business_date)
    _demand(quarantine.exists() == bool(quarantined), "a quarantine file without rows, or rows without one")
    _demand(
        rejected.num_rows == quarantined, f"{quarantined} quarantined by the ledger, {rejected.num_rows} in the file"
    )
    by_reason = {r["reason"]: 0 for r in rows(bank.home, landing_reject)}
    for reject in rows(bank.home, landing_reject):
        by_reason[reject["reason"]] += reject["rows_rejected"]
    _demand(sum(by_reason.values()) == quarantined, f"rejects {by_reason}, {quarantined} quarantined")
    numbers += rejected["source_row"].to_pylist()
    _demand(sorted(numbers) == list(range(1, rows_in + 1)), "source rows are not 1 to rows in, once each")
    counted = expected_rows(delivery)
    _demand(counted in (None, rows_in), f"{counted} rows in the file, {rows_in} in the ledger")
    if not delivery.is_workbook:
        _demand_raw(rejected["raw"].to_pylist(), delivery.content)
    compared = _compare(landing, mutation, clean, by_reason) if counted is not None else 0
    return Examined("landed", rows_in, quarantined, counted is not None, compared)


def _demand_raw(records: list[bytes], content: bytes) -> None:
    """Quarantined bytes are the file's; records of several lines are looked for one by one, so not all of them."""
    lines = {line.rstrip(b"\r") for line in content.split(b"\n")}
    longer = [record for record in records if record.removesuffix(b"\n").rstrip(b"\r") not in lines]
    for record in longer[:_RECORDS_SOUGHT]:
        _demand(record in content, f"quarantined bytes that are not in the file: {record[:80]!r}")


def no_raw_values(text: str, clean: Clean) -> None:
    """Raises FuzzError when a text shows a value of the vault."""
    shown = [value for value in clean.raw_values if value in text]
    _demand(not shown, f"{len(shown)} raw values are in: {text}")


def _file(folder: Path, delivery: Delivery) -> Path:
    return folder / delivery.source / delivery.table / f"{delivery.business_date}.parquet"


def _no_leftovers(bank: Bank) -> None:
    left = [p for p in bank.home.root.rglob(".*") if p.name != ".lock"]
    left += list(bank.home.root.rglob("*.tmp"))
    _demand(not left, f"left behind: {', '.join(str(p.relative_to(bank.home.root)) for p in left)}")


def _compare(landing: Path, mutation: Mutation, clean: Clean, by_reason: Mapping[str, int]) -> int:
    """Lines that were not touched must have landed as they do from the undamaged file; returns how many there are.

    A row whose key another row has taken is quarantined, so that many may be missing.
    """
    delivery = mutation.delivery
    if not clean.lines or any(step.startswith("basis") for step in mutation.steps):
        return 0
    if delivery.is_quoted and b'"' in delivery.content:
        return 0
    lines = [line.rstrip(b"\r") for line in delivery.content.split(b"\n")]
    if delivery.has_header and lines[0] != clean.header:
        return 0
    intact = {clean.lines[line] for line in lines[delivery.has_header :] if line in clean.lines}
    with duckdb.connect() as connection:
        connection.execute("create table intact (source_row bigint)")
        connection.execute("insert into intact select unnest(?::bigint[])", [sorted(intact)])
        compared = "* exclude (source_row, batch_id)"
        missing = connection.execute(
            f"select count(*) from (select {compared} from read_parquet(?) where source_row in (from intact)"
            f" except select {compared} from read_parquet(?))",
            [str(clean.landing), str(landing)],
        ).fetchall()[0][0]
    _demand(missing <= by_reason.get("duplicate_key", 0), f"{missing} undamaged lines did not land as they are")
    return len(intact)


def expected_rows(delivery: Delivery) -> int | None:
    """Rows of all files of a delivery, counted without the readers; None where that cannot be told."""
    if not delivery.is_workbook:
        return text_rows(delivery) if not delivery.is_quoted else _csv_rows(delivery)
    counts = [_workbook_rows(content, delivery) for name, content in delivery.files.items() if name != delivery.basis]
    return None if None in counts else sum(count for count in counts if count is not None)


def _csv_rows(delivery: Delivery) -> int | None:
    """Records of a quoted file whose quotes all close at the end of a value; None for others.

    A carriage return alone ends a line for some programs and not for others, and a record with a byte that cannot be
    read is rejected line by line: None too.
    """
    plain = text_rows(delivery)
    if plain is not None:
        return plain
    if re.search(rb"\r(?!\n)|\0", delivery.content):
        return None
    try:
        text = delivery.content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    if any(sum(value.count("\n") for value in record) > _LONGEST_RECORD_LINES for record in records):
        return None
    return sum(1 for record in records[1:] if record)


def _workbook_rows(content: bytes, delivery: Delivery) -> int | None:
    """Rows below the header with something in a described column; None when openpyxl cannot open it."""
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        sheet = next(s for s in book.worksheets if s.sheet_state == "visible")
    except Exception:  # openpyxl raises whatever a damaged archive leads it to
        return None
    cells: dict[int, dict[int, str]] = {}
    for (row, column), cell in sheet._cells.items():
        if cell.value is not None and (text := "".join(str(cell.value).split())):
            cells.setdefault(row, {})[column] = text
    wanted = set(delivery.columns)
    for header in sorted(cells):
        if wanted <= set(cells[header].values()):
            columns = {min(c for c, text in cells[header].items() if text == name) for name in wanted}
            return sum(1 for row, texts in cells.items() if row > header and columns & texts.keys())
    return None
