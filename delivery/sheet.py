"""A list as people read it: the columns with their Chinese headings, as XLSX and as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xlsxwriter  # type: ignore[import-untyped]

from delivery.rows import PackageRows, Row

MARKET_TYPES = {"urban": "城区", "suburban": "城郊", "rural": "农村"}
CHANNELS = {"sms": "短信", "phone": "电话", "visit": "上门", "wechat": "微信"}
OUTCOMES = ["未触达", "已触达", "拒绝", "有意向", "已申请"]
"""As marketing returns them (contract marketing.contact_outcome)."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet program takes a CSV cell that starts so for a formula, whatever wrote it."""


@dataclass(frozen=True)
class SheetColumn:
    heading: str
    source: str
    width: int


COLUMNS = [
    SheetColumn("序号", "number", 6),
    SheetColumn("客户号", "core_customer_id", 16),
    SheetColumn("姓名", "name", 12),
    SheetColumn("手机号", "phone", 14),
    SheetColumn("所属支行", "branch_name", 16),
    SheetColumn("客户经理工号", "manager_id", 13),
    SheetColumn("客户经理", "manager_name", 11),
    SheetColumn("网格", "grid_name", 16),
    SheetColumn("市场类型", "market_type", 9),
    SheetColumn("客群", "segment_name", 12),
    SheetColumn("推荐产品", "product_name", 18),
    SheetColumn("触达渠道", "channel", 9),
    SheetColumn("入选理由", "reason", 40),
    SheetColumn("营销打法", "playbook", 60),
    SheetColumn("有效期至", "valid_until", 12),
    SheetColumn("名单代码", "list_code", 22),
    SheetColumn("名单批次", "batch_id", 28),
]
OUTCOME_COLUMNS = [
    SheetColumn("触达结果", "", 11),
    SheetColumn("实际渠道", "", 10),
    SheetColumn("触达时间", "", 18),
    SheetColumn("备注", "", 30),
]
"""Filled in by the recipient and sent back."""

TITLE_ROWS = 1
"""Rows above the heading row."""


def plain_rows(package: PackageRows, revealed: Mapping[tuple[str, str], str]) -> list[list[str]]:
    """The texts of each row, as `COLUMNS`. `revealed` gives the raw value of (kind, surrogate)."""
    return [
        [_cell(number, row, column.source, revealed) for column in COLUMNS]
        for number, row in enumerate(package.rows, start=1)
    ]


def _cell(number: int, row: Row, source: str, revealed: Mapping[tuple[str, str], str]) -> str:
    if source == "number":
        return str(number)
    if source in ("name", "phone"):
        return revealed.get((source, row[f"{source}_key"] or ""), "")
    value = row[source]
    if value is None:
        return ""
    text = str(value).strip()
    return {"market_type": MARKET_TYPES, "channel": CHANNELS}.get(source, {}).get(text, text)


def to_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """UTF-8 with BOM and CRLF, as Excel opens it; cells that would be taken for formulas start with an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.heading for column in [*COLUMNS, *OUTCOME_COLUMNS]])
    blank = [""] * len(OUTCOME_COLUMNS)
    writer.writerows(
        [*("'" + cell if cell.startswith(_FORMULA_STARTS) else cell for cell in row), *blank] for row in rows
    )
    return text.getvalue().encode("utf-8-sig")


def to_xlsx(package: PackageRows, rows: Sequence[Sequence[str]], issuer: str) -> bytes:
    """A workbook with a title, frozen and filtered headings, drop-downs for the outcome and a mark of the recipient.

    Every cell is a text, so that numbers keep their zeros and nothing is a formula.
    """
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("名单")
    title = book.add_format({"bold": True, "font_size": 12, "valign": "vcenter"})
    heading = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "align": "center"})
    to_fill = book.add_format({"bold": True, "bg_color": "#FFF2CC", "border": 1, "text_wrap": True, "align": "center"})
    text = book.add_format({"num_format": "@", "valign": "top"})
    wrapped = book.add_format({"num_format": "@", "valign": "top", "text_wrap": True})

    name = package.rows[0]["list_name"]
    mark = f"接收人 {package.recipient_name}({package.recipient}) 批次 {package.batch_id} 内部资料 严禁外传"
    columns = [*COLUMNS, *OUTCOME_COLUMNS]
    sheet.merge_range(0, 0, 0, len(COLUMNS) - 1, "", title)
    sheet.write_string(0, 0, f"{issuer} {name}　{mark}", title)
    for position, column in enumerate(columns):
        filled_in = column in OUTCOME_COLUMNS
        wide = column.source in ("reason", "playbook")
        sheet.set_column(position, position, column.width, wrapped if wide else text)
        sheet.write_string(TITLE_ROWS, position, column.heading, to_fill if filled_in else heading)
    for number, row in enumerate(rows, start=TITLE_ROWS + 1):
        for position, cell in enumerate(row):
            sheet.write_string(number, position, cell, wrapped if columns[position].width >= 40 else text)
    last = TITLE_ROWS + len(rows)
    sheet.freeze_panes(TITLE_ROWS + 1, 3)
    sheet.autofilter(TITLE_ROWS, 0, last, len(columns) - 1)
    outcome = len(COLUMNS)
    sheet.data_validation(TITLE_ROWS + 1, outcome, last, outcome, {"validate": "list", "source": OUTCOMES})
    sheet.data_validation(
        TITLE_ROWS + 1, outcome + 1, last, outcome + 1, {"validate": "list", "source": list(CHANNELS.values())}
    )
    # In page headers `&` starts a code.
    printed = mark.replace("&", "&&")
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(TITLE_ROWS)
    sheet.set_header(f"&L{issuer.replace('&', '&&')}&R{printed}")
    sheet.set_footer(f"&L{printed}&R&P/&N")
    book.close()
    return buffer.getvalue()
