"""Contracts: the canonical input layer, one YAML file per table in `ingestion/contracts/`."""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from qianmo.errors import ConfigurationError

CONTRACTS = Path(__file__).parent / "contracts"

VaultKind = Literal["name", "id_number", "phone", "account_number", "address"]

TECHNICAL_COLUMNS: dict[str, str] = {
    "legal_entity_code": "varchar",
    "business_date": "date",
    "batch_id": "varchar",
    "source_row": "bigint",
    "is_deleted": "boolean",
}
"""Columns that landing adds to every table. `source_row` counts data rows of the batch from 1. A row with `is_deleted`
says that the source no longer has its key: the other columns are NULL."""

LEGAL_BASIS_COLUMNS: dict[str, str] = {
    "basis_source": "varchar",
    "legal_basis": "varchar",
    "basis_purpose": "varchar",
    "basis_expiry": "date",
}
"""Columns that landing adds where a contract says `legal_basis: required` (domain section 11)."""

_DUCKDB_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp",
    "boolean": "boolean",
}


class Column(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str
    type: str
    label: str
    required: bool = False
    accepted: list[str] | None = None
    vault: VaultKind | None = None
    """The raw value goes to the vault; landing holds `<name>_key` and `<name>_masked` instead."""
    compared: bool = False
    """A person's name or ID number by which records are linked: landing adds surrogates of what it may have been meant
    to be (`ingestion/surrogate.py`, `derived`)."""
    references: str | None = None
    """`source.table.column` that this value should be found in (checked by gate 1)."""
    planned: bool = False
    """A date that says what was agreed, not what happened, so it may lie after the business date."""
    control_total: bool = False
    """The control file's amount total is the sum of this column."""
    class_: Literal["C1", "C2"] = "C2"
    """JR/T 0171-2020: C2 is encrypted at rest and masked on display; C3 never lands."""
    level: Literal[1, 2, 3, 4] = 3
    """Data-map level of 金规〔2024〕24号."""

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if self.compared and self.vault not in ("name", "id_number"):
            raise ValueError(f"{self.name}: compared: expected vault name or id_number, found {self.vault}")
        return self

    @property
    def duckdb_type(self) -> str:
        return self.type if self.type.startswith("decimal") else _DUCKDB_TYPES[self.type]

    @property
    def vaulted_parts(self) -> dict[str, str]:
        """What lands in place of a value that goes to the vault: name after the column's own, and DuckDB type."""
        parts = {"key": "varchar", "masked": "varchar"}
        if self.vault == "id_number":
            parts |= {"is_valid": "boolean", "birth_date": "date", "gender": "varchar"}
        if self.compared and self.vault == "id_number":
            parts |= {"repair_keys": "varchar[]"}
        if self.compared and self.vault == "name":
            parts |= {"sound_key": "varchar", "shape_key": "varchar", "letters_key": "varchar"}
        return parts


class GateRules(BaseModel):
    """What gate 1 asks of this table beyond what it asks of every table."""

    model_config = ConfigDict(extra="forbid")

    event: str | None = None
    """The column that says when a row happened; the newest of a batch shows how fresh it is."""
    event_days: int = 0
    """So many days before the business date the newest event may lie."""
    severity: dict[str, Literal["critical", "warning"]] = {}
    """Kinds of check that are worth more or less here than `expectations/severity.yml` says."""


class Contract(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    table: str
    label: str
    grain: str
    version: int
    key: list[str]
    load: Literal["upsert", "append", "snapshot"]
    """upsert: full first, changes after; append: each row once; snapshot: each delivery replaces the table."""
    versions: bool = False
    """Staging of an upsert or snapshot table also shows every version that was delivered, deletes among them, for
    models that take in what changed."""
    legal_basis: Literal["required"] | None = None
    gate: GateRules = GateRules()
    columns: list[Column]

    @model_validator(mode="after")
    def _event_known(self) -> Self:
        dated = [column.name for column in self.columns if column.type in ("date", "timestamp") and not column.vault]
        if self.gate.event and self.gate.event not in dated:
            raise ValueError(f"gate.event: expected one of {', '.join(dated) or 'no column'}, found {self.gate.event}")
        return self

    @property
    def name(self) -> str:
        return f"{self.source}.{self.table}"

    def landed_columns(self) -> dict[str, str]:
        """Column name to DuckDB type, as stored in landing."""
        landed: dict[str, str] = {}
        for column in self.columns:
            if column.vault is None:
                landed[column.name] = column.duckdb_type
                continue
            landed |= {f"{column.name}_{part}": kind for part, kind in column.vaulted_parts.items()}
        if self.legal_basis:
            landed |= LEGAL_BASIS_COLUMNS
        return landed | TECHNICAL_COLUMNS

    def landed_key(self) -> list[str]:
        """The key as landed: a vaulted key column is known by its surrogate."""
        vaulted = {column.name for column in self.columns if column.vault}
        return [f"{name}_key" if name in vaulted else name for name in self.key]


@lru_cache
def contracts() -> dict[str, Contract]:
    """Every contract by `source.table`.

    Raises:
        ConfigurationError: a file does not follow the schema; the message names file and field.
    """
    found: dict[str, Contract] = {}
    for path in sorted(CONTRACTS.glob("*/*.yml")):
        text = path.read_text(encoding="utf-8")
        raw = yaml.safe_load(text)
        for column in raw.get("columns", []):
            if "class" in column:
                column["class_"] = column.pop("class")
        try:
            contract = Contract.model_validate(raw)
        except ValidationError as error:
            raise ConfigurationError(f"{path}: {error}") from None
        found[contract.name] = contract
    return found
