"""What managers and branches fill in on the lists they were sent, and send back: for the demo's later date.

Two of a branch's answers contradict its manager's. Some lines are faulty as people's lines are: a word that is not on
the list, no time, another customer's number, a day that is yet to come, a row number that was typed over.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from msoffcrypto import OfficeFile  # type: ignore[import-untyped]

from delivery.encryption import encrypt_xlsx
from delivery.manifest import MANIFEST, Manifest, read_manifest
from delivery.password import derive_password
from ingestion.bank import Bank
from sample_county.arrival import set_arrivals
from sample_county.randomness import stream

RETURNED_PACKAGES = 12  # assumed: managers who answer by then
_ANSWERS = {"未触达": 0.3, "已触达": 0.35, "拒绝": 0.1, "有意向": 0.2, "已申请": 0.05}  # assumed
_ANSWERED_SHARE = 0.85  # assumed
_FAULTS = ("", "", "accepted", "required", "other_customer", "in_future", "unknown_row")
"""What is wrong with the first answers, in their order; nothing with the others."""
_CODES = {"未触达": "not_reached", "已触达": "reached", "拒绝": "refused", "有意向": "interested", "已申请": "applied"}


@dataclass(frozen=True)
class Answer:
    """A line as it is filled in. fault: why it is set aside (accepted, required) or does not count, else empty."""

    row_id: str
    recipient: str
    outcome: str
    contacted_at: str
    fault: str


def return_lists(bank: Bank, listed: date, returned: date) -> list[Answer]:
    """Place filled-in lists of a date among the deliveries of a later one; the same again places the same files.

    They lie in the inbox alone, with `answers.json` beside them, which says what was filled in; no run reads that.
    """
    packages = _packages(bank.home.delivery / listed.isoformat())
    placed = bank.inbox / "returned" / f"{returned:%Y%m%d}"
    of_packages = [[manifest.delivery_id, manifest.workbook_sha256] for _, manifest in packages]
    planted = placed / "answers.json"
    if not planted.exists() or json.loads(planted.read_text(encoding="utf-8"))["packages"] != of_packages:
        fresh = placed.with_name(f".{placed.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        answers = list(_filled(bank, packages, listed, returned, fresh))
        told = {"packages": of_packages, "answers": [asdict(answer) for answer in answers]}
        (fresh / planted.name).write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
        shutil.rmtree(placed, ignore_errors=True)
        fresh.rename(placed)
    set_arrivals(bank.inbox, [returned])
    return [Answer(**answer) for answer in json.loads(planted.read_text(encoding="utf-8"))["answers"]]


def _packages(folder: Path) -> list[tuple[Path, Manifest]]:
    """Some managers' packages, of different lists first, then the package of the first one's branch."""
    found = [
        (path.parent, manifest)
        for path in sorted(folder.glob(f"*/*/*/{MANIFEST}"))
        if (manifest := read_manifest(path.parent)) and manifest.rows
    ]
    managers = [one for one in found if one[1].recipient_type == "manager"]
    seen: dict[str, int] = {}
    turns = []
    for one in sorted(managers, key=lambda one: -one[1].rows):
        seen[one[1].list_code] = seen.get(one[1].list_code, 0) + 1
        turns.append((seen[one[1].list_code], one[1].delivery_id, one))
    chosen = [one for _, _, one in sorted(turns, key=lambda turn: turn[:2])][:RETURNED_PACKAGES]
    # The package of the same list for the manager's branch lies beside it.
    beside = [
        one
        for manager in chosen
        for one in found
        if one[1].recipient_type == "branch" and one[0].parent == manager[0].parent
    ]
    return chosen + beside[:1]


def _filled(
    bank: Bank, packages: list[tuple[Path, Manifest]], listed: date, returned: date, folder: Path
) -> Iterator[Answer]:
    random = stream(listed.toordinal(), "returns")
    faults = iter(_FAULTS)
    by_row: dict[str, Answer] = {}
    for number, (package, manifest) in enumerate(packages):
        [name] = [name for name in manifest.files if name.endswith(".xlsx")]
        password = derive_password(bank.name, manifest.recipient_type, manifest.recipient, manifest.password_period)
        book = _opened((package / name).read_bytes(), password)
        sheet = book["名单"]
        heading = next(row for row in sheet.iter_rows() if any(cell.value == "触达结果" for cell in row))
        columns = {str(cell.value): cell.column for cell in heading}
        for line in range(heading[0].row + 1, sheet.max_row + 1):
            cells = {text: sheet.cell(line, column) for text, column in columns.items()}
            if not cells["名单行编号"].value:
                continue
            if manifest.recipient_type == "branch":
                answer = _contradiction(by_row, cells, manifest.recipient, number_of_row=line - heading[0].row)
            elif random.random() < _ANSWERED_SHARE:
                answer = _answer(random, cells, manifest.recipient, next(faults, ""), listed, returned)
                by_row[answer.row_id] = answer
            else:
                continue
            if answer:
                yield answer
        buffer = BytesIO()
        book.save(buffer)
        content = buffer.getvalue()
        # Some are saved without the password, as people do.
        (folder / name).write_bytes(content if number % 3 == 2 else encrypt_xlsx(content, password))


def _opened(content: bytes, password: str) -> Any:
    plain = BytesIO()
    office = OfficeFile(BytesIO(content))
    office.load_key(password=password)
    office.decrypt(plain)
    return openpyxl.load_workbook(plain)


def _fill(cells: dict[str, Any], outcome: str, contacted_at: datetime | None) -> None:
    cells["触达结果"].value = outcome
    cells["实际渠道"].value = cells["触达渠道"].value
    cells["触达时间"].value = contacted_at and f"{contacted_at:%Y-%m-%d %H:%M}"
    cells["备注"].value = "演示回填"


def _answer(
    random: np.random.Generator, cells: dict[str, Any], recipient: str, fault: str, listed: date, returned: date
) -> Answer:
    outcome = str(random.choice(list(_ANSWERS), p=list(_ANSWERS.values())))
    on = returned + timedelta(days=9) if fault == "in_future" else listed + timedelta(days=int(random.integers(1, 3)))
    contacted_at = datetime.combine(on, time(int(random.integers(9, 18)), int(random.integers(0, 60))))
    _fill(cells, "已成交" if fault == "accepted" else outcome, None if fault == "required" else contacted_at)
    row_id = str(cells["名单行编号"].value)
    if fault == "unknown_row":
        cells["名单行编号"].value = row_id = row_id[::-1]
    if fault == "other_customer":
        cells["客户号"].value = f"{cells['客户号'].value[:-1]}X"
    return Answer(row_id, recipient, _CODES[outcome], contacted_at.isoformat(sep=" "), fault)


def _contradiction(
    by_row: dict[str, Answer], cells: dict[str, Any], recipient: str, number_of_row: int
) -> Answer | None:
    """Of rows that the manager answered too: in turn a weaker result of the same moment, and a later one."""
    row_id = str(cells["名单行编号"].value)
    answered = by_row.get(row_id)
    if answered is None or answered.fault or answered.outcome == "not_reached":
        return None
    contacted_at = datetime.fromisoformat(answered.contacted_at) + timedelta(minutes=30 * (number_of_row % 2))
    outcome = "有意向" if number_of_row % 2 else "未触达"
    _fill(cells, outcome, contacted_at)
    return Answer(row_id, recipient, _CODES[outcome], contacted_at.isoformat(sep=" "), "")
