"""What lies in quarantine: counts from the ledger, rows from the encrypted files.

A row's bytes are what the vault exists for. Whoever shows or writes them calls `record_access` first; everybody else
is shown their shape.
"""

import getpass
import json
import re
from dataclasses import dataclass
from datetime import date

import pyarrow.compute as pc

from ingestion.bank import Bank, SqlFormat, TableDescription
from ingestion.inbox import describes
from ingestion.quarantine import read_quarantine
from qianmo.errors import ConfigurationError
from qianmo.home import BankHome
from qianmo.ledger import landing_batch, landing_reject, put, rows, transaction, vault_access

REASONS = {
    "encoding": "编码错误",
    "field_count": "列数不符",
    "formula_error": "公式错误",
    "digits_lost": "数字位数丢失",
    "type": "类型错误",
    "required": "必填项为空",
    "accepted": "取值不在范围内",
    "duplicate_key": "主键重复",
    "legal_basis": "缺少合法依据",
}
"""Why a row is in quarantine, as `mart_data_quality` names it."""


@dataclass(frozen=True)
class QuarantinedCount:
    """Rows in quarantine for one reason, as the ledger counts them."""

    source: str
    table: str
    business_date: str
    column: str
    """Empty where the whole row is at fault."""
    reason: str
    reason_name: str
    rows: int
    contract_version: int


@dataclass(frozen=True)
class QuarantinedRow:
    """One row in quarantine."""

    source_row: int
    """Its place among the data rows of the batch, from 1."""
    file: str
    line: int
    column: str
    reason: str
    contract_version: int
    fields: list[str]
    """The source's columns in order, as they were read."""
    raw: bytes
    """As delivered; a JSON object of the fields where the source has no bytes of its own (XLSX, SQL)."""


def counts(
    bank: Bank, source: str | None = None, table: str | None = None, business_date: date | None = None
) -> list[QuarantinedCount]:
    """Rows in quarantine by source, table, date, column and reason; all, or those of what is named."""
    named = {"source": source, "table_name": table, "business_date": business_date and business_date.isoformat()}
    chosen = {name: value for name, value in named.items() if value is not None}
    versions = {
        (row["source"], row["table_name"], row["business_date"]): row["contract_version"]
        for row in rows(bank.home, landing_batch, status="landed", **chosen)
    }
    return [
        QuarantinedCount(
            source=row["source"],
            table=row["table_name"],
            business_date=row["business_date"],
            column=row["column_name"],
            reason=row["reason"],
            reason_name=REASONS.get(row["reason"], row["reason"]),
            rows=row["rows_rejected"],
            contract_version=versions[row["source"], row["table_name"], row["business_date"]],
        )
        for row in rows(bank.home, landing_reject, **chosen)
    ]


def split_name(bank: Bank, name: str) -> tuple[str, str]:
    """Source and table of `<source>.<table>`.

    Raises:
        ConfigurationError: the bank has no such table.
    """
    known = [f"{source}.{table}" for source, described in bank.sources.items() for table in described.tables]
    if name not in known:
        raise ConfigurationError(
            f"bank {bank.name} has no table {name}: expected <source>.<table>, one of {', '.join(known)}"
        )
    source, _, table = name.partition(".")
    return source, table


def nothing_quarantined(
    bank: Bank, source: str, table: str, business_date: date, reason: str | None
) -> ConfigurationError:
    """What to say when there is no row to show or release: it names what there is."""
    found = counts(bank, source, table)
    message = f"nothing is quarantined{f' for reason {reason}' if reason else ''} in {source}.{table} {business_date}"
    if here := sorted({one.reason for one in found if one.business_date == business_date.isoformat()}):
        return ConfigurationError(f"{message}; the reasons there are {', '.join(here)}")
    dates = sorted({one.business_date for one in found})
    return ConfigurationError(f"{message}; this table has quarantined rows on {', '.join(dates) or 'no date'}")


def quarantined_rows(
    home: BankHome, source: str, table: str, business_date: date, reason: str | None = None, limit: int | None = None
) -> list[QuarantinedRow]:
    """Rows in quarantine, decrypted, in the order of the source; at most `limit`."""
    found = read_quarantine(home, source, table, business_date)
    if reason:
        found = found.filter(pc.equal(found["reason"], reason))
    found = found.sort_by("source_row").slice(0, limit)
    return [QuarantinedRow(**row | {"fields": json.loads(row["fields"])}) for row in found.to_pylist()]


def record_access(home: BankHome, purpose: str, values: int) -> None:
    """Write down who reads raw bytes of the quarantine, before they are handed out."""
    access = {"purpose": purpose, "kinds": "quarantine", "recipient": getpass.getuser(), "values_read": values}
    with transaction(home) as connection:
        put(connection, vault_access, access)


def description_of(bank: Bank, source: str, table: str, file: str, business_date: date) -> TableDescription:
    """The description by which a file of a table is read.

    Raises:
        ConfigurationError: the table has several and none reads a file of this name.
    """
    descriptions = bank.sources[source].tables[table]
    if len(descriptions) == 1:
        return descriptions[0]
    by_name = [one for one in descriptions if describes(bank, one, file, business_date)]
    databases = [one for one in descriptions if isinstance(one.format, SqlFormat)]
    if found := [*by_name, *databases]:
        return found[0]
    raise ConfigurationError(
        f"{bank.folder / 'sources' / source}.yml: tables.{table}: expected a description that reads {file}, found none"
    )


_SHAPES = ((re.compile(r"[0-9０-９]"), "9"), (re.compile(r"[A-Za-zＡ-Ｚａ-ｚ]"), "A"), (re.compile(r"[^\W\dA_]"), "字"))


def shape_of(text: str) -> str:
    """A text with every digit as 9, letter as A and other character as 字: shows a fault, tells nobody's data."""
    for pattern, stands_for in _SHAPES:
        text = pattern.sub(stands_for, text)
    return text
