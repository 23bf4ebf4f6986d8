"""A bank: one folder `banks/<name>/` that says where its sources are, how they are read and map to the contracts.

`bank.yml` names the bank, its legal entity, its inbox and its sources; `sources/<source>.yml` describes the tables
of one source. Nothing in Python knows a bank.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ingestion.contract import Contract, contracts
from qianmo.errors import ConfigurationError
from qianmo.home import PROJECT_ROOT, BankHome


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


FilePatterns = Annotated[list[str], BeforeValidator(_as_list)]
"""Paths relative to the inbox unless absolute; `{date:%Y%m%d}`, `{home}`, `{bank}`, `{project}` and globs allowed."""

Compression = Literal["none", "gzip", "zip"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileFormat(_Model):
    """How any delivered file is packed."""

    compression: Compression = "none"
    member: str | None = None
    """Pattern of the file name to read in a zip archive (`*.csv`); without one the archive must hold one file."""
    expanded_limit_mib: int = Field(default=16 * 1024, ge=1)
    """A compressed file that expands beyond so many MiB is refused; 16 GiB is 90 days of postings of a county."""

    @model_validator(mode="after")
    def _member_of_zip(self) -> "FileFormat":
        if self.member and self.compression != "zip":
            raise ValueError("member names a file in a zip archive: set compression to zip")
        return self


class DelimitedFormat(FileFormat):
    """Text with one record a line; fields parted by a delimiter of one or more characters."""

    kind: Literal["delimited"]
    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = False
    columns: list[str] | dict[str, str] | None = None
    """Names in file order; with a header also {text of the header: name}, or nothing to take the header's own names."""
    not_read: list[str] = []
    """Texts of the header over columns that are known and left alone: no drift of the source."""
    quote: str | None = None

    @model_validator(mode="after")
    def _columns_known(self) -> "DelimitedFormat":
        if not self.header and not isinstance(self.columns, list):
            raise ValueError("columns must list the names in file order when header is false")
        if self.not_read and not (self.header and self.columns):
            raise ValueError("not_read: without a header and columns to read there are no others")
        return self


class FixedColumn(_Model):
    name: str
    start: int = Field(ge=1)
    """First byte, counted from 1."""
    length: int = Field(ge=1)


class FixedWidthFormat(FileFormat):
    """Text with one record a line; every field at its byte position."""

    kind: Literal["fixed_width"]
    encoding: str
    columns: list[FixedColumn]

    @property
    def record_length(self) -> int:
        """Bytes of a record without its line end."""
        return max(column.start + column.length - 1 for column in self.columns)


class XlsxFormat(FileFormat):
    """A worksheet; the header row is found by its texts, below merged title rows."""

    kind: Literal["xlsx"]
    columns: dict[str, str]
    """Text of the header to name."""
    not_read: list[str] = []
    """Texts of the header over columns that are known and left alone: no drift of the source."""
    sheet: str | None = None
    """By default the one visible sheet that has the header."""
    name_parts: str | None = None
    """Regular expression of the file's name; its named groups (`(?P<recipient>...)`) are columns of every row."""
    recipient_password: bool = False
    """A workbook comes back as it was delivered, with its recipient's password; one without is read too. `name_parts`
    must name `recipient` and `month` (YYYYMM), from which the password follows."""

    @model_validator(mode="after")
    def _name_parts_known(self) -> "XlsxFormat":
        try:
            parts = set(re.compile(self.name_parts or "").groupindex)
        except re.error as error:
            raise ValueError(f"name_parts: expected a regular expression, found {error}") from None
        if self.recipient_password and not {"recipient", "month"} <= parts:
            raise ValueError("recipient_password: name_parts must have the groups recipient and month")
        return self


class SqlFormat(_Model):
    """A table or view of a database, read by watermark."""

    kind: Literal["sql"]
    url: str = ""
    """SQLAlchemy URL; empty starts the embedded PostgreSQL."""
    embedded_postgres: str | None = None
    """Data folder of a PostgreSQL that is started when `url` is empty."""
    table: str
    watermark: str
    """Date or timestamp column that every change of a row moves on; its day is the business date of the change."""
    key: list[str] = Field(default_factory=list)
    """Columns that tell one row from another, the contract's key among them; by default the primary key."""
    overlap: int = Field(default=3, ge=0)
    """Days before the business date that are read again, for rows committed late."""
    reconcile: int | Literal["all", "none"] = "all"
    """Where keys are compared with the source each date, to find deleted rows and those inserted with an older
    watermark than the overlap's: every key, or those with a watermark of so many days before the business date."""
    statement_timeout: int = Field(default=300, ge=1)
    """Seconds that the database may take over one query (PostgreSQL)."""
    page_rows: int = Field(default=100_000, ge=1)
    """Rows of one query; a page is what memory holds and what a killed run reads again."""

    @model_validator(mode="after")
    def _somewhere(self) -> "SqlFormat":
        if not self.url and self.embedded_postgres is None:
            raise ValueError("url is empty and no embedded_postgres is named: set the URL's environment variable")
        return self


Format = Annotated[DelimitedFormat | FixedWidthFormat | XlsxFormat | SqlFormat, Field(discriminator="kind")]


class Control(_Model):
    """A control file: `key=value` lines business_date, rows, bytes, amount_total, sha256."""

    file: str
    ignore: list[str] = Field(default_factory=list)
    """Further keys that the sender writes and that claim nothing, such as its own name."""


class Lookup(_Model):
    """A second file joined to the rows of the unload; its columns are used in `map` as `<lookup>.<column>`."""

    files: FilePatterns
    format: Annotated[DelimitedFormat | FixedWidthFormat | XlsxFormat, Field(discriminator="kind")]
    key: dict[str, str]
    """Column of the lookup to expression over the source columns; unique in the lookup."""
    where: str | None = None


@dataclass(frozen=True)
class Due:
    """When a delivery is awaited."""

    kind: Literal["daily", "monthly", "once", "on_arrival"]
    day: int = 0
    on: date | None = None

    def is_due(self, business_date: date) -> bool:
        """Whether the delivery of this business date must be there."""
        if self.kind == "monthly":
            return business_date.day == self.day
        return self.kind == "daily" or (self.kind == "once" and business_date == self.on)

    def may_land(self, business_date: date) -> bool:
        """Whether a delivery of this business date is looked for at all."""
        return self.kind == "on_arrival" or self.is_due(business_date)


def _as_due(value: Any) -> Any:
    match value:
        case "daily" | "on_arrival":
            return Due(value)
        case {"monthly": int() as day} if len(value) == 1 and 1 <= day <= 28:
            return Due("monthly", day=day)
        case {"once": date() as on} if len(value) == 1:
            return Due("once", on=on)
    raise ValueError("due must be daily, on_arrival, {monthly: <day 1 to 28>} or {once: <YYYY-MM-DD>}")


class TableDescription(_Model):
    """How one delivery is read and mapped to its contract."""

    due: Annotated[Due, BeforeValidator(_as_due)] = Due("daily")
    deadline_hours: float = Field(default=8, gt=0)
    """Hours after the end of the business date by which the files must be there; later is late, and still lands."""
    files: FilePatterns = Field(default_factory=list)
    one_file: bool = False
    """A pattern with a glob must match one file: with two nobody knows which holds, and the batch is refused."""
    format: Format
    control: Control | None = None
    where: str | None = None
    """SQL over the source columns; rows outside it are not part of the table."""
    map: dict[str, str]
    """Contract column to DuckDB SQL over the source columns, which are all text, trimmed, '' as NULL."""
    lookups: dict[str, Lookup] = Field(default_factory=dict)
    date_formats: list[str] = Field(default_factory=lambda: ["%Y-%m-%d", "%Y%m%d"])
    legal_basis: str | None = None
    """JSON file with source, legal_basis, purpose and expires."""

    @model_validator(mode="after")
    def _files_or_table(self) -> "TableDescription":
        if isinstance(self.format, SqlFormat) == bool(self.files):
            raise ValueError("files must be given for a file format and left out for sql")
        if isinstance(self.format, SqlFormat) and self.lookups:
            raise ValueError("lookups are for files: join in a view of the database")
        return self


class SourceDescription(_Model):
    """One source system of a bank."""

    source: str
    label: str
    tables: dict[str, list[TableDescription]]
    """Contract table to the deliveries that make it up, in order; nearly always one."""


class _Approval(_Model):
    automatic: Annotated[str, Field(min_length=1)]


class _DeliveryTarget(_Model):
    target: Annotated[str, Field(min_length=1)]


class Retention(_Model):
    """For how many days what left or was put aside is kept; then it is deleted, and the ledger keeps the proof."""

    deliveries: Annotated[int, Field(ge=1)] = 180
    """Files of packages, from their business date; the longest a row is valid, and the time for its outcome."""
    list_batches: Annotated[int, Field(ge=1)] = 1095
    """Frozen batches, without which a batch can be neither replayed nor explained: three years."""
    quarantine: Annotated[int, Field(ge=1)] = 180
    """Rejected rows, which hold raw values, from their business date."""
    superseded: Annotated[int, Field(ge=1)] = 90
    """What a later delivery of a source replaced, from the day it was replaced."""


@dataclass(frozen=True)
class Bank:
    """A loaded bank folder."""

    name: str
    folder: Path
    legal_entity_code: str
    legal_entity_name: str
    timezone: str
    inbox: Path
    sources: dict[str, SourceDescription]
    home: BankHome
    automatic_approver: str | None = None
    """Who approves every batch of a list at once; None: people decide."""
    delivery_target: str | None = None
    """Where packages are copied to besides the delivery folder: a folder, sftp://… or s3://…"""
    retention: Retention = field(default_factory=Retention)

    def resolve(self, pattern: str, business_date: date) -> Path:
        """A path of a description for a business date; relative ones are below the inbox."""
        return self.inbox / _place_names(pattern, self.folder, self.home, date=business_date)

    def clock(self, instant: str) -> datetime:
        """An instant of the ledger (ISO 8601) as the bank's clocks show it."""
        return datetime.fromisoformat(instant).astimezone(ZoneInfo(self.timezone))


class _BankFile(_Model):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    legal_entity_code: str
    legal_entity_name: str
    timezone: str = "Asia/Shanghai"
    inbox: str = "{home}/inbox"
    sources: list[str]
    approval: _Approval | None = None
    delivery: _DeliveryTarget | None = None
    retention: Retention = Retention()


_ENVIRONMENT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def _place_names(text: str, folder: Path, home: BankHome, **more: Any) -> str:
    try:
        return text.format(home=home.root, bank=folder, project=PROJECT_ROOT, **more)
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigurationError(
            f"{folder}: {text!r}: expected {{home}}, {{bank}}, {{project}} or {{date:<format>}}, found {error}"
        ) from None


def _with_environment(value: Any) -> Any:
    """`${NAME:-default}` replaced in every text of a YAML document; an unset name without default is empty."""
    if isinstance(value, str):
        return _ENVIRONMENT.sub(lambda found: os.environ.get(found[1]) or found[2] or "", value)
    if isinstance(value, Mapping):
        return {key: _with_environment(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_environment(item) for item in value]
    return value


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: expected a mapping, found {type(document).__name__}")
    return dict(_with_environment(document))


def _merged(defaults: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of a source below the description of a table; mappings are merged, all else is replaced.

    A format of another kind takes nothing from the default format.
    """
    merged = dict(defaults)
    for key, value in table.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping) and value.get("kind") in (None, below.get("kind")):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged


def _fields(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}" for e in error.errors())


def _check_mapping(path: Path, contract: Contract, table: TableDescription) -> None:
    known = {column.name for column in contract.columns}
    if unknown := sorted(set(table.map) - known):
        raise ConfigurationError(
            f"{path}: tables.{contract.table}.map: no such column of contract {contract.name}: {', '.join(unknown)}"
        )
    if missing := [c.name for c in contract.columns if c.required and c.name not in table.map]:
        raise ConfigurationError(
            f"{path}: tables.{contract.table}.map: required by contract {contract.name} but not mapped: "
            f"{', '.join(missing)}"
        )


def _load_source(path: Path, name: str) -> SourceDescription:
    document = _read_yaml(path)
    defaults = document.pop("defaults", {})
    raw_tables = document.get("tables")
    if not isinstance(raw_tables, dict):
        raise ConfigurationError(f"{path}: tables: expected a mapping of contract table to description")
    document["tables"] = {
        table: [_merged(defaults, entry) for entry in (entries if isinstance(entries, list) else [entries])]
        for table, entries in raw_tables.items()
    }
    try:
        description = SourceDescription.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_fields(error)}") from None
    if description.source != name:
        raise ConfigurationError(f"{path}: source: expected {name}, found {description.source}")
    for table, entries in description.tables.items():
        contract = contracts().get(f"{name}.{table}")
        if contract is None:
            raise ConfigurationError(f"{path}: tables.{table}: there is no contract {name}.{table}")
        for entry in entries:
            _check_mapping(path, contract, entry)
        read = [entry.format.table for entry in entries if isinstance(entry.format, SqlFormat)]
        if len(set(read)) < len(read):
            raise ConfigurationError(
                f"{path}: tables.{table}: each description must read a database table of another name, such as a view"
            )
    return description


def load_bank(path: Path) -> Bank:
    """Load and check a bank folder.

    Raises:
        ConfigurationError: a file is missing or wrong; the message names file and field.
    """
    folder = path.resolve()
    file = folder / "bank.yml"
    try:
        bank = _BankFile.model_validate(_read_yaml(file))
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_fields(error)}") from None
    home = BankHome.of(bank.name)
    return Bank(
        name=bank.name,
        folder=folder,
        legal_entity_code=bank.legal_entity_code,
        legal_entity_name=bank.legal_entity_name,
        timezone=bank.timezone,
        inbox=(PROJECT_ROOT / _place_names(bank.inbox, folder, home)).resolve(),
        sources={name: _load_source(folder / "sources" / f"{name}.yml", name) for name in bank.sources},
        home=home,
        automatic_approver=bank.approval.automatic if bank.approval else None,
        delivery_target=_place_names(bank.delivery.target, folder, home) if bank.delivery else None,
        retention=bank.retention,
    )
