"""Packages open with the recipient's password, hold what marts and vault say, and are placed once, whole, accounted."""

import csv
import io
import json
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from delivery.deliver import Delivery
from delivery.manifest import read_manifest
from delivery.password import derive_password, passwords
from delivery.sheet import OUTCOME_COLUMNS, OUTCOMES, ROW_ID_HEADING, recipient_mark
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError, DataRefusedError
from tests.delivery.conftest import (
    DAY,
    LIST_CODES,
    VILLAINS,
    Marts,
    csv_bytes,
    handed_over,
    list_row,
    name_of,
    phone_of,
    removal,
    workbook,
)


def by_recipient(items: list[Delivery]) -> dict[tuple[str, str], Delivery]:
    return {(item.list_code, item.recipient): item for item in items}


def test_packages_hold_what_the_marts_and_the_vault_say(bank: Bank, published: Marts) -> None:
    rows = [list_row(n) for n in range(12)]
    rows += [list_row(12, is_holdout=True), list_row(1, list_code=LIST_CODES[1])]
    published(rows)
    items = by_recipient(handed_over(bank))
    first, second = LIST_CODES
    assert {key: item.rows for key, item in items.items()} == {
        (first, "0101"): 6, (first, "0102"): 6, (first, "M0"): 4, (first, "M1"): 4, (first, "M2"): 4,
        (second, "0102"): 1, (second, "M1"): 1,
    }  # fmt: skip

    sheet = workbook(bank, items[first, "0101"]).active
    assert sheet is not None
    heading = [cell.value for cell in sheet[2]]
    found = [dict(zip(heading, (cell.value for cell in row), strict=True)) for row in sheet.iter_rows(min_row=3)]
    order = (0, 6, 4, 10, 2, 8)  # by manager, then rank
    assert [row["序号"] for row in found] == ["1", "2", "3", "4", "5", "6"]
    assert [row["客户号"] for row in found] == [f"0{n:09d}" for n in order]
    assert [row["手机号"] for row in found] == [phone_of(n) for n in order]
    assert [row["姓名"] for row in found] == [name_of(n) for n in order]
    assert found[0]["市场类型"] == "农村"
    assert found[0]["名单批次"] == f"{first}-20260928"
    assert {row["状态"] for row in found} == {"新增"}
    assert list(heading)[-1] == ROW_ID_HEADING
    assert all(cell.data_type == "s" for row in sheet.iter_rows(min_row=3) for cell in row if cell.value is not None)
    assert sheet.freeze_panes == "E3"
    assert sheet.auto_filter.ref == "A2:Z8"
    (column,) = [cell.column_letter for cell in sheet[2] if cell.value == "触达结果"]
    assert any(
        OUTCOMES[0] in str(rule.formula1) and f"{column}3:{column}8" in str(rule.sqref)
        for rule in sheet.data_validations.dataValidation
    )
    assert "0101" in sheet["A1"].value
    assert "0101" in str(sheet.oddFooter.left.text)


def test_only_what_comes_back_can_be_edited_and_every_row_says_whose_it_was(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(4)])
    item = by_recipient(handed_over(bank))[LIST_CODES[0], "M0"]
    book = workbook(bank, item)
    assert book.sheetnames == ["名单", "已移除", "封面"]
    assert book.active.title == "名单"
    for sheet in book:
        assert sheet.protection.sheet, sheet.title
        assert not sheet.protection.autoFilter, "filters stay usable"
        assert "M0" in str(sheet.oddFooter.left.text)
    headings = [cell.value for cell in book["名单"][2]]
    unlocked = {
        headings[cell.column - 1]
        for row in book["名单"].iter_rows(min_row=3)
        for cell in row
        if not cell.protection.locked
    }
    assert unlocked == {column.heading for column in OUTCOME_COLUMNS}
    reasons = [row[headings.index("入选理由")].value for row in book["名单"].iter_rows(min_row=3)]
    assert reasons == ["授信未用" + recipient_mark(item.delivery_id)] * 2
    cover = {label.value: text.value for label, text in book["封面"].iter_rows(min_row=3, max_col=2)}
    definition = yaml.safe_load(Path(f"dbt_project/definitions/lists/{LIST_CODES[0]}.yml").read_text(encoding="utf-8"))
    assert cover["营销目的"] == definition["purpose"]
    assert definition["material_id"] in str(cover["审定物料"])
    assert definition["talking_points"][0] in str(cover["沟通要点"])
    assert "自动" in str(cover["审批"])
    assert cover["在办客户"] == "2户,其中新增2户"


def test_the_day_of_an_approval_is_the_banks(bank: Bank, published: Marts, monkeypatch: pytest.MonkeyPatch) -> None:
    """At half past one in the night it is still the day before elsewhere."""
    monkeypatch.setattr(ledger, "now", lambda: "2026-09-28T17:30:00+00:00")
    published([list_row(0)])
    cover = workbook(bank, by_recipient(handed_over(bank))[LIST_CODES[0], "M0"])["封面"]
    assert any("(自动审批,2026-09-29)" in str(cell.value) for cell in cover["B"])


def test_removals_reach_those_who_had_the_row_and_nobody_else(bank: Bank, published: Marts) -> None:
    """Three dates: two rows; one closes, one changes hands; nothing changes and nothing is sent."""
    tuesday, wednesday, thursday = (DAY + timedelta(days=number) for number in (1, 2, 3))
    first = LIST_CODES[0]
    published([list_row(n) for n in (0, 2, 4, 1)])
    handed_over(bank)
    kept = [list_row(n, listed_date=DAY) for n in (0, 1)]
    moved = list_row(4, listed_date=DAY, manager_id="M2")
    published([*kept, moved], tuesday, [removal(list_row(2), tuesday, DAY, ("opted_out", "客户拒绝营销"))])
    items = by_recipient(handed_over(bank, tuesday))
    assert {key[1]: (item.rows, item.new_rows, item.removed_rows) for key, item in items.items()} == {
        "0101": (2, 0, 1), "M2": (1, 1, 1), "M1": (1, 0, 1),
    }  # fmt: skip
    removed = list(workbook(bank, items[first, "M2"])["已移除"].iter_rows(min_row=3, values_only=True))
    assert [(row[1], row[2], row[4].rstrip("\u200b\u200c")) for row in removed] == [
        ("0000000002", name_of(2), "客户拒绝营销")
    ]
    (gone,) = [
        row
        for row in csv.DictReader(io.StringIO(csv_bytes(bank, items[first, "M1"]).decode("utf-8-sig"), newline=""))
        if row["状态"] == "移除"
    ]
    assert (gone["客户号"], gone["移除原因"], gone["移除日期"]) == ("0000000004", "不再由您跟进", "2026-09-29")
    files = contents(bank)
    published([*kept, moved], wednesday)
    assert handed_over(bank, wednesday) == []
    assert contents(bank) == files
    published([], thursday, [removal(list_row(0), thursday, DAY, ("converted", "已用信"))])
    items = by_recipient(handed_over(bank, thursday))
    assert {key[1]: (item.rows, item.removed_rows) for key, item in items.items()} == {
        "0101": (0, 2), "0102": (0, 1), "M0": (0, 1), "M1": (0, 1), "M2": (0, 1),
    }  # fmt: skip


def test_csv_opens_in_excel_and_runs_nothing(bank: Bank, published: Marts) -> None:
    published([list_row(0, reason=VILLAINS["reason"], grid_name=VILLAINS["grid_name"], segment_name="-1")])
    item = by_recipient(handed_over(bank))[LIST_CODES[0], "0101"]
    content = csv_bytes(bank, item)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == content.count(b"\n") == 2
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert row["姓名"] == "'" + VILLAINS["name"]
    assert row["入选理由"] == "'" + VILLAINS["reason"]
    assert row["网格"] == "'" + VILLAINS["grid_name"]
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_holdouts_and_unpublished_rows_never_leave(bank: Bank, published: Marts) -> None:
    published([list_row(0), *(list_row(n, is_holdout=True) for n in range(1, 20))])
    items = handed_over(bank)
    assert {item.rows for item in items} == {1}
    texts = b"".join(csv_bytes(bank, item) for item in items).decode()
    assert not [n for n in range(1, 20) if phone_of(n) in texts or name_of(n) in texts]


def test_manifest_and_ledger_account_for_every_file(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(4)])
    items = handed_over(bank)
    recorded = {row["delivery_id"]: row for row in ledger.rows(bank.home, ledger.delivery)}
    assert set(recorded) == {item.delivery_id for item in items}
    for item in items:
        manifest = read_manifest(item.folder)
        assert manifest is not None
        assert manifest.rows_sha256 == sha256(csv_bytes(bank, item)).hexdigest()
        assert manifest.definition_sha256 == sha256(
            Path(f"dbt_project/definitions/lists/{item.list_code}.yml").read_bytes()
        ).hexdigest()  # fmt: skip
        assert manifest.approver
        assert [(one.batch_id, one.decided_by, one.decision) for one in manifest.approvals] == [
            (f"{LIST_CODES[0]}-20260928", "自动", "automatic")
        ]
        assert manifest.material_id
        assert manifest.expires_on == "2026-10-28"
        assert len(manifest.files) == 2
        for name, digest in manifest.files.items():
            assert sha256((item.folder / name).read_bytes()).hexdigest() == digest
        row = recorded[item.delivery_id]
        assert (row["rows"], row["content_sha256"]) == (manifest.rows, manifest.rows_sha256)
        assert json.loads(row["files"]) == manifest.files
    accesses = ledger.rows(bank.home, ledger.vault_access)
    told = {(row["recipient"], row["values_read"]) for row in accesses if row["purpose"].startswith(LIST_CODES[0])}
    assert told == {(f"{item.recipient_type} {item.recipient}", 2 * item.rows) for item in items}


def contents(bank: Bank) -> dict[str, bytes]:
    root = bank.home.delivery
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".building" not in path.parts
    }


def test_delivering_again_changes_nothing(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(6)])
    handed_over(bank)
    files, rows = contents(bank), ledger.rows(bank.home, ledger.delivery)
    accesses = len(ledger.rows(bank.home, ledger.vault_access))
    again = handed_over(bank)
    assert not [item for item in again if item.written]
    assert contents(bank) == files
    assert ledger.rows(bank.home, ledger.delivery) == rows
    assert len(ledger.rows(bank.home, ledger.vault_access)) == accesses  # the vault was not opened


def test_changed_rows_replace_the_package_of_the_date(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(6)])
    before = by_recipient(handed_over(bank))
    published([list_row(n) for n in (0, 2, 4)])
    after = by_recipient(handed_over(bank))
    code = LIST_CODES[0]
    assert {key[1]: (item.rows, item.removed_rows) for key, item in after.items()} == {
        "0101": (3, 0), "0102": (0, 3), "M0": (1, 1), "M1": (1, 1), "M2": (1, 1),
    }  # fmt: skip
    replaced = read_manifest(after[code, "0102"].folder)
    assert replaced is not None
    assert replaced.supersedes is not None
    assert replaced.supersedes.rows == before[code, "0102"].rows
    assert {row["recipient"]: row["rows"] for row in ledger.rows(bank.home, ledger.delivery)} == {
        "0101": 3, "0102": 0, "M0": 1, "M1": 1, "M2": 1
    }  # fmt: skip
    assert not [item for item in handed_over(bank) if item.written]
    assert len(list(bank.home.list_batches.glob("*/packages-*"))) == 1, "what was replaced is not kept"


def test_a_damaged_package_is_made_again(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(4)])
    item = handed_over(bank)[0]
    (path,) = item.folder.glob("*.xlsx")
    path.chmod(0o600)
    path.write_bytes(b"")
    assert [again.delivery_id for again in handed_over(bank) if again.written] == [item.delivery_id]
    assert workbook(bank, item).active is not None


def test_an_earlier_date_is_delivered_from_later_marts_only_if_they_hold_it(bank: Bank, published: Marts) -> None:
    with pytest.raises(DataRefusedError, match=r"2026-09-28.*found nothing"):
        handed_over(bank)
    published([list_row(1)], day=date(2026, 9, 29))
    with pytest.raises(DataRefusedError, match="no lists of 2026-09-28"):
        handed_over(bank)
    with pytest.raises(DataRefusedError, match="found 2026-09-29"):
        handed_over(bank, date(2026, 9, 30))


def test_a_recipient_cannot_name_a_path(bank: Bank, published: Marts) -> None:
    published([list_row(1, branch_code="../../etc")])
    with pytest.raises(DataRefusedError, match="cannot name a folder"):
        handed_over(bank)
    assert not list(bank.home.delivery.glob("2026-*"))


def test_passwords_differ_by_recipient_and_month_and_each_look_up_is_recorded(bank: Bank, published: Marts) -> None:
    published([list_row(n) for n in range(4)])
    handed_over(bank)
    assert passwords(bank, "M1", DAY) == {"manager": derive_password(bank.name, "manager", "M1", "2026-09")}
    others = {
        derive_password(bank.name, kind, recipient, month)
        for kind in ("branch", "manager")
        for recipient in ("M1", "0101")
        for month in ("2026-09", "2026-10")
    }  # fmt: skip
    assert len(others) == 8
    assert any(
        row["kinds"] == "password" and row["recipient"] == "M1" for row in ledger.rows(bank.home, ledger.vault_access)
    )
    with pytest.raises(ConfigurationError, match="2026-10"):
        passwords(bank, "M1", date(2026, 10, 1))
