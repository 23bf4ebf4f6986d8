"""What `qianmo quarantine` prints."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

from ingestion.bank import Bank
from ingestion.corrections import write_corrections
from ingestion.quarantined import (
    REASONS,
    QuarantinedRow,
    counts,
    description_of,
    nothing_quarantined,
    quarantined_rows,
    record_access,
    shape_of,
    split_name,
)
from ingestion.readers.records import Format, text_of
from ingestion.release import release
from qianmo.errors import DataRefusedError
from qianmo.tables import show_table, terminal

_NEXT = (
    "next 下一步:",
    "  qianmo quarantine show <table> --date <date>             the rows, with file, line and column 查看明细",
    "  qianmo quarantine release <table> --date <date>          after mending contract, mapping or lookup 修复后放行",
    "  … show … --output corrected.csv, correct its cells, … release … --file corrected.csv           更正后放行",
    "  or have the source send the file again and run qianmo land 重新报送",
)


def show_counts(bank: Bank, source: str | None, table: str | None, business_date: date | None, as_json: bool) -> None:
    """`quarantine list`: rows by table, date, column and reason, and what to do next."""
    found = counts(bank, source, table, business_date)
    if as_json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
        return
    console = terminal()
    if not found:
        console.print("nothing is quarantined 隔离区为空")
        return
    show_table(
        "Quarantined 隔离: as the ledger counts",
        ("table 表", "date 业务日", "column 字段", "reason 原因", "rows 行数", "contract 契约版本"),
        [
            (
                f"{one.source}.{one.table}",
                one.business_date,
                one.column or None,
                f"{one.reason} {one.reason_name}",
                one.rows,
                one.contract_version,
            )
            for one in found
        ],
    )
    console.print(f"{sum(one.rows for one in found):,} rows in all 合计")
    console.print("\n".join(_NEXT), markup=False, highlight=False)


def show_rows(bank: Bank, name: str, business_date: date, reason: str | None, limit: int, with_raw: bool) -> None:
    """`quarantine show`: rows with the shape of their text or, recorded, the text itself."""
    rows = _rows(bank, name, business_date, reason, limit)
    if with_raw:
        record_access(bank.home, "quarantine show", len(rows))
    console = terminal()
    for row, file_format in rows:
        text = text_of(row.raw, file_format)
        column = f" {row.column}" if row.column else ""
        console.print(
            f"{row.file} line {row.line}, row {row.source_row}:{column} {row.reason} "
            f"{REASONS.get(row.reason, row.reason)} (contract version {row.contract_version})",
            markup=False,
            highlight=False,
        )
        console.print(f"    {text if with_raw else shape_of(text)}", markup=False, highlight=False, soft_wrap=True)
    source, table = split_name(bank, name)
    total = sum(one.rows for one in counts(bank, source, table, business_date) if reason in (None, one.reason))
    console.print(f"{len(rows):,} of {total:,} rows 行")
    if not with_raw:
        console.print("shape 形状: 9 a digit, A a letter, 字 any other; --raw prints what was delivered")


def write_rows(bank: Bank, name: str, business_date: date, reason: str | None, output: Path) -> None:
    """`quarantine show --output`: all rows as a file for correcting, recorded."""
    rows = _rows(bank, name, business_date, reason, None)
    record_access(bank.home, "quarantine show", len(rows))
    write_corrections(output, rows)
    terminal().print(
        f"{output}: {len(rows):,} rows as delivered, readable by you alone. Correct the cells, then run"
        f" qianmo quarantine release {name} --date {business_date} --file {output}, and delete the file",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def release_rows(bank: Bank, name: str, business_date: date, reason: str | None, corrected: Path | None) -> None:
    """`quarantine release`: what became of the rows.

    Raises:
        DataRefusedError: none of the rows passed.
    """
    done = release(bank, name, business_date, reason, corrected)
    stays = ", ".join(
        f"{column + ' ' if column else ''}{why} {REASONS.get(why, why)} {count:,}"
        for (column, why), count in done.kept.items()
    )
    if done.kept and not done.rows_released:
        raise DataRefusedError(f"{name} {business_date}: none of the rows passes: {stays}")
    facts = [f"{name} {business_date}: {done.rows_released:,} rows released 放行"]
    if stays:
        facts.append(f"still in quarantine 仍隔离: {stays}")
    if done.rows_left_out:
        facts.append(f"{done.rows_left_out:,} left out by the description's where")
    if done.rows_landed_before:
        facts.append(f"{done.rows_landed_before:,} rows of the file had landed before and were left alone")
    console = terminal()
    console.print("; ".join(facts), markup=False, highlight=False, soft_wrap=True)
    if done.rows_released:
        console.print(
            f"next 下一步: qianmo run --date {business_date} builds and publishes the date again", highlight=False
        )


def _rows(
    bank: Bank, name: str, business_date: date, reason: str | None, limit: int | None
) -> list[tuple[QuarantinedRow, Format]]:
    source, table = split_name(bank, name)
    found = quarantined_rows(bank.home, source, table, business_date, reason, limit)
    if not found:
        raise nothing_quarantined(bank, source, table, business_date, reason)
    return [(row, description_of(bank, source, table, row.file, business_date).format) for row in found]
