"""Delivered lists that come back filled in land as they were delivered, as a workbook and as CSV."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import duckdb
import openpyxl

from delivery.encryption import encrypt_xlsx
from delivery.password import derive_password
from delivery.sheet import TITLE_ROWS
from ingestion.bank import Bank, load_bank
from ingestion.land import land
from qianmo import ledger
from qianmo.home import PROJECT_ROOT
from tests.delivery.conftest import DAY, LIST_CODES, Marts, csv_bytes, handed_over, list_row, workbook

RETURNED = DAY + timedelta(days=2)
TYPED = {"触达结果": "有意向", "实际渠道": "上门", "触达时间": "2026/9/29 15:20", "备注": "=下周再访"}


def returns(bank: Bank) -> Bank:
    """The bank with the sample bank's description of returned lists, and nothing else to land."""
    marketing = load_bank(PROJECT_ROOT / "banks" / "sample").sources["marketing"]
    described = marketing.model_copy(update={"tables": {"list_return": marketing.tables["list_return"]}})
    return replace(bank, sources={"marketing": described})


def filled_workbook(book: openpyxl.Workbook, password: str) -> bytes:
    """The workbook with its first line filled in, with the same password."""
    sheet = book["名单"]
    for column, cell in enumerate(sheet[TITLE_ROWS + 1], start=1):
        if cell.value in TYPED:
            sheet.cell(TITLE_ROWS + 2, column).value = TYPED[str(cell.value)]
    filled = io.BytesIO()
    book.save(filled)
    return encrypt_xlsx(filled.getvalue(), password)


def filled_csv(delivered: bytes) -> bytes:
    """The CSV with its first line filled in."""
    lines = list(csv.DictReader(io.StringIO(delivered.decode("utf-8-sig"))))
    lines[0] |= TYPED
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode("utf-8-sig")


def test_what_comes_back_lands_as_delivered(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(6)])
    items = {item.recipient: item for item in handed_over(bank)}
    placed = bank.inbox / "returned" / f"{RETURNED:%Y%m%d}"
    placed.mkdir(parents=True)
    (locked,) = items["M0"].folder.glob("*.xlsx")
    password = derive_password(bank.name, "manager", "M0", f"{DAY:%Y-%m}")
    (placed / locked.name).write_bytes(filled_workbook(workbook(bank, items["M0"]), password))
    (placed / "名单.csv").write_bytes(filled_csv(csv_bytes(bank, items["M1"])))

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
