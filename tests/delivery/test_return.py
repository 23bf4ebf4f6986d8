"""Delivered lists that come back filled in land as they were delivered, as a workbook and as CSV."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import msoffcrypto
import openpyxl
import pyzipper

from delivery.encryption import encrypt_xlsx
from delivery.password import derive_password
from delivery.sheet import TITLE_ROWS
from ingestion.bank import Bank, load_bank
from ingestion.land import land
from qianmo import ledger
from qianmo.home import PROJECT_ROOT
from tests.delivery.conftest import DAY, LIST_CODES, Marts, handed_over, list_row

RETURNED = DAY + timedelta(days=2)
TYPED = {"触达结果": "有意向", "实际渠道": "上门", "触达时间": "2026/9/29 15:20", "备注": "=下周再访"}


def returns(bank: Bank) -> Bank:
    """The bank with the sample bank's description of returned lists, and nothing else to land."""
    marketing = load_bank(PROJECT_ROOT / "banks" / "sample").sources["marketing"]
    described = marketing.model_copy(update={"tables": {"list_return": marketing.tables["list_return"]}})
    return replace(bank, sources={"marketing": described})


def filled_workbook(path: Path, password: str) -> bytes:
    """The workbook with its first line filled in, with the same password."""
    plain, filled = io.BytesIO(), io.BytesIO()
    office = msoffcrypto.OfficeFile(io.BytesIO(path.read_bytes()))
    office.load_key(password=password)
    office.decrypt(plain)
    book = openpyxl.load_workbook(plain)
    sheet = book["名单"]
    for column, cell in enumerate(sheet[TITLE_ROWS + 1], start=1):
        if cell.value in TYPED:
            sheet.cell(TITLE_ROWS + 2, column).value = TYPED[str(cell.value)]
    book.save(filled)
    return encrypt_xlsx(filled.getvalue(), password)


def filled_csv(path: Path, password: str) -> str:
    """The CSV with its first line filled in, out of its archive."""
    with pyzipper.AESZipFile(path) as archive:
        archive.setpassword(password.encode())
        (name,) = archive.namelist()
        lines = list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
    lines[0] |= TYPED
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def test_what_comes_back_lands_as_delivered(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(6)])
    items = {item.recipient: item for item in handed_over(bank)}
    placed = bank.inbox / "returned" / f"{RETURNED:%Y%m%d}"
    placed.mkdir(parents=True)
    for recipient in ("M0", "M1"):
        (locked,) = items[recipient].folder.glob("*.xlsx" if recipient == "M0" else "*.csv.zip")
        password = derive_password(bank.name, "manager", recipient, f"{DAY:%Y-%m}")
        if recipient == "M0":
            (placed / locked.name).write_bytes(filled_workbook(locked, password))
        else:
            (placed / "名单.csv").write_text(filled_csv(locked, password), encoding="utf-8-sig")

    (landed,) = land(returns(bank), "marketing", RETURNED)
    assert (landed.rows_landed, landed.rows_quarantined) == (2, 0)
    files = str(bank.home.landing / "marketing" / "list_return" / "**" / "*.parquet")
    found = duckdb.execute(
        "select recipient, list_batch_id, customer_id, outcome, channel, strftime(contacted_at, '%Y-%m-%d %H:%M')"
        " from read_parquet(?) order by recipient",
        [files],
    ).fetchall()
    batch_id = f"{LIST_CODES[0]}-{DAY:%Y%m%d}"
    assert found == [
        ("M0", batch_id, "0000000000", "interested", "visit", "2026-09-29 15:20"),
        ("M1", batch_id, "0000000004", "interested", "visit", "2026-09-29 15:20"),
    ]
    assert ledger.rows(bank.home, ledger.landing_drift) == [], "columns that are known and not read are no drift"
