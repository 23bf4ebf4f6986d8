"""A package as people read it: a workbook to work in and a CSV with the same rows, with Chinese headings.

The same rows and terms give the same bytes, so that a package can be made again and compared by its SHA-256.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from delivery.frozen import PackageTerms
from delivery.rows import PackageRows, Row

STATES = {"new": "新增", "open": "在办", "removed": "移除"}
MARKET_TYPES = {"urban": "城区", "suburban": "城郊", "rural": "农村"}
CHANNELS = {"sms": "短信", "phone": "电话", "visit": "上门", "wechat": "微信"}
OUTCOMES = ["未触达", "已触达", "拒绝", "有意向", "已申请"]
"""As marketing returns them (contract marketing.contact_outcome)."""
ROW_ID_HEADING = "名单行编号"
"""Heading of the column by which a returned row finds its own."""
LIST_SHEET, REMOVED_SHEET, COVER_SHEET = "名单", "已移除", "封面"
DECISIONS = {"person": "人工审批", "automatic": "自动审批"}

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet program takes a CSV cell that starts so for a formula, whatever wrote it."""
_WRAPPED_WIDTH = 24
"""Columns at least so wide hold sentences."""
_ZERO_WIDTH = ("\u200b", "\u200c")
_MARK_BITS = 32

Revealed = Mapping[tuple[str, str], str]
"""(kind, surrogate) to raw value."""


@dataclass(frozen=True)
class SheetColumn:
    """A heading, its column of the row, and the width in characters."""

    heading: str
    source: str
    width: int


_WHO = [
    SheetColumn("客户号", "core_customer_id", 16),
    SheetColumn("姓名", "name", 12),
    SheetColumn("手机号", "phone", 14),
]
_WHERE_FROM = [
    SheetColumn("名单代码", "list_code", 12),
    SheetColumn("名单批次", "batch_id", 14),
    SheetColumn(ROW_ID_HEADING, "row_id", 6),
]
COLUMNS = [
    SheetColumn("序号", "number", 6),
    SheetColumn("状态", "state", 7),
    *_WHO,
    SheetColumn("入选理由", "reason", 40),
    SheetColumn("推荐产品", "product_name", 18),
    SheetColumn("沟通要点", "talking_points", 48),
    SheetColumn("触达渠道", "channel", 9),
    SheetColumn("评分", "score", 9),
    SheetColumn("评分说明", "score_reason", 28),
    SheetColumn("所属支行", "branch_name", 16),
    SheetColumn("客户经理工号", "manager_id", 13),
    SheetColumn("客户经理", "manager_name", 11),
    SheetColumn("网格", "grid_name", 16),
    SheetColumn("市场类型", "market_type", 9),
    SheetColumn("客群", "segment_name", 12),
    SheetColumn("列入日期", "listed_date", 12),
    SheetColumn("有效期至", "valid_until", 12),
]
OUTCOME_COLUMNS = [
    SheetColumn("触达结果", "outcome", 11),
    SheetColumn("实际渠道", "outcome_channel", 10),
    SheetColumn("触达时间", "contacted_at", 18),
    SheetColumn("备注", "note", 30),
]
"""Filled in by the recipient and sent back."""
_OPEN_COLUMNS = [*COLUMNS, *OUTCOME_COLUMNS, *_WHERE_FROM]
REMOVED_COLUMNS = [
    SheetColumn("序号", "number", 6),
    *_WHO,
    SheetColumn("移除原因", "removal_reason", 40),
    SheetColumn("移除日期", "removed_on", 12),
    SheetColumn("列入日期", "listed_date", 12),
    *_WHERE_FROM,
]
_CSV_COLUMNS = [*_OPEN_COLUMNS, REMOVED_COLUMNS[4], REMOVED_COLUMNS[5]]

TITLE_ROWS = 1
"""Rows above the heading row."""


@cache
def layout() -> str:
    """Version of what turns rows into files: digits of the SHA-256 of this module and its library's version."""
    written_by = Path(__file__).read_bytes() + xlsxwriter.__version__.encode()
    return sha256(written_by).hexdigest()[:12]


def to_csv(package: PackageRows, terms: PackageTerms, revealed: Revealed) -> bytes:
    """UTF-8 with BOM and CRLF, as Excel opens it; cells that would be taken for formulas start with an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.heading for column in _CSV_COLUMNS])
    for rows in (package.open_rows, package.removed_rows):
        writer.writerows(
            ["'" + cell if cell.startswith(_FORMULA_STARTS) else cell.replace("\n", " ") for cell in row]
            for row in _texts(rows, _CSV_COLUMNS, terms, revealed)
        )
    return text.getvalue().encode("utf-8-sig")


def _texts(
    rows: Sequence[Row], columns: Sequence[SheetColumn], terms: PackageTerms, revealed: Revealed
) -> list[list[str]]:
    return [
        [_cell(number, row, column.source, terms, revealed) for column in columns]
        for number, row in enumerate(rows, start=1)
    ]


def _cell(number: int, row: Row, source: str, terms: PackageTerms, revealed: Revealed) -> str:
    if source == "number":
        return str(number)
    if source in ("name", "phone"):
        return revealed.get((source, row[f"{source}_key"] or ""), "")
    if source == "talking_points":
        return "" if row["state"] == "removed" else _numbered(terms.facts.talking_points)
    value = row.get(source)
    if value is None:
        return ""
    if source == "score":
        return f"{value:.0f}"
    text = str(value).strip()
    return {"state": STATES, "market_type": MARKET_TYPES, "channel": CHANNELS}.get(source, {}).get(text, text)


def _numbered(sentences: Sequence[str]) -> str:
    return "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, start=1))


def recipient_mark(delivery_id: str) -> str:
    """Characters of no width that stand for the delivery: a row that is copied elsewhere still says whose it was."""
    number = int(sha256(delivery_id.encode()).hexdigest()[: _MARK_BITS // 4], 16)
    return "".join(_ZERO_WIDTH[int(bit)] for bit in f"{number:0{_MARK_BITS}b}")


def to_xlsx(package: PackageRows, terms: PackageTerms, revealed: Revealed) -> bytes:
    """A workbook: the list to fill in, what was removed since the last one, and a cover with purpose and terms.

    Every cell is a text, so that numbers keep their zeros and nothing is a formula. Only the columns that come back
    can be edited; filters and column widths can be changed all the same.
    """
    return _Workbook(package, terms, revealed).content()


class _Workbook:
    def __init__(self, package: PackageRows, terms: PackageTerms, revealed: Revealed) -> None:
        self._package = package
        self._terms = terms
        self._revealed = revealed
        self._buffer = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(self._buffer, options)
        heading: dict[str, Any] = {"bold": True, "border": 1, "text_wrap": True, "align": "center"}
        properties: dict[str, dict[str, Any]] = {
            "title": {"bold": True, "font_size": 12, "valign": "vcenter"},
            "heading": heading | {"bg_color": "#DDEBF7"},
            "to_fill": heading | {"bg_color": "#FFF2CC"},
            "text": {},
            "wrapped": {"text_wrap": True},
            "new": {"bold": True, "font_color": "#C00000"},
            "unlocked": {"locked": False, "bg_color": "#FFFBEB", "text_wrap": True},
            "label": {"bold": True, "bg_color": "#DDEBF7", "border": 1},
            "value": {"border": 1, "text_wrap": True},
        }
        self._formats = {
            name: self._book.add_format({"valign": "top", "num_format": "@"} | own) for name, own in properties.items()
        }
        self._visible_mark = (
            f"接收人 {package.recipient_name}({package.recipient}) {package.delivery_id} 内部资料 严禁外传"
        )
        self._hidden_mark = recipient_mark(package.delivery_id)

    def content(self) -> bytes:
        self._book.set_properties(
            {
                "title": self._terms.facts.list_name,
                "author": self._terms.issuer,
                # The date of the list, not of the writing: the same package has the same bytes.
                "created": datetime.combine(self._terms.business_date, time()),
                "comments": self._visible_mark,
            }
        )
        opened = self._list()
        self._removed()
        self._cover()
        opened.activate()
        self._book.close()
        return self._buffer.getvalue()

    def _list(self) -> Any:
        rows = _texts(self._package.open_rows, _OPEN_COLUMNS, self._terms, self._revealed)
        sheet = self._table(LIST_SHEET, _OPEN_COLUMNS, rows, frozen_columns=4, format_of=self._open_format)
        last = TITLE_ROWS + max(len(rows), 1)
        outcome = len(COLUMNS)
        for column, choices in ((outcome, OUTCOMES), (outcome + 1, list(CHANNELS.values()))):
            sheet.data_validation(
                TITLE_ROWS + 1,
                column,
                last,
                column,
                {
                    "validate": "list",
                    "source": choices,
                    "error_title": "请从下拉列表中选择",
                    "error_message": "、".join(choices),
                },
            )
        return sheet

    def _open_format(self, column: SheetColumn, cell: str) -> str:
        if column in OUTCOME_COLUMNS:
            return "unlocked"
        if column.source == "state" and cell == STATES["new"]:
            return "new"
        return "wrapped" if column.width >= _WRAPPED_WIDTH else "text"

    def _removed(self) -> None:
        rows = _texts(self._package.removed_rows, REMOVED_COLUMNS, self._terms, self._revealed)
        self._table(
            REMOVED_SHEET,
            REMOVED_COLUMNS,
            rows,
            frozen_columns=3,
            format_of=lambda column, _: "wrapped" if column.width >= _WRAPPED_WIDTH else "text",
        )

    def _table(
        self,
        name: str,
        columns: Sequence[SheetColumn],
        rows: Sequence[Sequence[str]],
        frozen_columns: int,
        format_of: Callable[[SheetColumn, str], str],
    ) -> Any:
        sheet = self._sheet(name)
        title = f"{self._terms.issuer} {self._terms.facts.list_name}　{name}　{self._visible_mark}"
        sheet.write_string(0, 0, title, self._formats["title"])
        for position, column in enumerate(columns):
            heading = "to_fill" if column in OUTCOME_COLUMNS else "heading"
            sheet.set_column(position, position, column.width)
            sheet.write_string(TITLE_ROWS, position, column.heading, self._formats[heading])
        for number, row in enumerate(rows, start=TITLE_ROWS + 1):
            for position, (column, cell) in enumerate(zip(columns, row, strict=True)):
                marked = cell + self._hidden_mark if column.source in ("reason", "removal_reason") else cell
                style = self._formats[format_of(column, cell)]
                if cell:
                    sheet.write_string(number, position, marked, style)
                else:
                    sheet.write_blank(number, position, None, style)
        sheet.freeze_panes(TITLE_ROWS + 1, frozen_columns)
        sheet.autofilter(TITLE_ROWS, 0, TITLE_ROWS + len(rows), len(columns) - 1)
        sheet.repeat_rows(TITLE_ROWS)
        return sheet

    def _cover(self) -> None:
        facts, package = self._terms.facts, self._package
        new = sum(row["state"] == "new" for row in package.open_rows)
        expiry = max((str(row["valid_until"]) for row in package.open_rows if row["valid_until"]), default="无在办客户")
        approvals = [
            f"{one.batch_id}:{one.decided_by}({DECISIONS[one.decision]},{one.decided_at[:10]}),"
            f"内容摘要{one.content_sha256[:12]}"
            for one in self._terms.approvals
        ]
        told = {
            "名单": f"{facts.list_name}({facts.list_code})",
            "数据日期": f"{self._terms.business_date}",
            "接收人": f"{package.recipient_name}({package.recipient})",
            "营销目的": facts.purpose,
            "合法依据": facts.legal_basis,
            "触达渠道": CHANNELS[facts.channel],
            "审定物料": (
                f"{facts.material_id} {facts.material_title}({facts.material_expires_on}前有效),不得使用其他宣传内容"
            ),
            "在办客户": f"{len(package.open_rows)}户,其中新增{new}户",
            "移除客户": f"{len(package.removed_rows)}户,见“{REMOVED_SHEET}”表,请立即停止营销",
            "有效期至": expiry,
            "审批": "\n".join(approvals) or "本次只有移除,无需审批",
            "营销打法": facts.playbook,
            "沟通要点": _numbered(facts.talking_points),
            "如何反馈": (
                f"在“{LIST_SHEET}”表黄色四列填写触达结果、实际渠道、触达时间(如 2026-09-28 10:30)和备注,保存后原样交回;"
                f"请勿删除最后一列“{ROW_ID_HEADING}”,系统据此对应到客户。本名单以最新一期为准,旧文件请删除。"
            ),
            "保密要求": self._visible_mark,
        }
        sheet = self._sheet(COVER_SHEET)
        sheet.set_column(0, 0, 14)
        sheet.set_column(1, 1, 100)
        sheet.write_string(0, 0, f"{self._terms.issuer} 精准营销名单", self._formats["title"])
        for number, (label, value) in enumerate(told.items(), start=TITLE_ROWS + 1):
            sheet.write_string(number, 0, label, self._formats["label"])
            sheet.write_string(number, 1, value, self._formats["value"])

    def _sheet(self, name: str) -> Any:
        """A protected sheet with the mark of the recipient on every printed page."""
        sheet = self._book.add_worksheet(name)
        # Without a password: it keeps cells from being overwritten by mistake, the encryption keeps others out.
        sheet.protect("", {"autofilter": True, "format_columns": True, "format_rows": True, "sort": True})
        # In page headers `&` starts a code.
        issuer, mark = (text.replace("&", "&&") for text in (self._terms.issuer, self._visible_mark))
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_header(f"&L{issuer}&R{mark}")
        sheet.set_footer(f"&L{mark}&R&P/&N")
        return sheet
