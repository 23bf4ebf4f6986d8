"""The table of what each check is worth, `severity.yml`."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from expectations.check import Severity
from qianmo.errors import ConfigurationError

SEVERITY_FILE = Path(__file__).parent / "severity.yml"


class Thresholds(BaseModel):
    """Shares are 0 to 1 of the rows of a batch; see `severity.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarantine_limit: float
    reference_limit: float
    volume_factor: float
    volume_batches: int
    volume_batches_least: int
    volume_rows_least: int


class LandingSeverity(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    checks: dict[str, Severity]
    tables: dict[str, dict[str, Severity]] = {}

    @model_validator(mode="before")
    @classmethod
    def _checks_beside_tables(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return {"checks": {k: v for k, v in raw.items() if k != "tables"}, "tables": raw.get("tables", {})}

    def of(self, check: str, table: str) -> Severity:
        """The severity of a kind of check on `source.table`."""
        return self.tables.get(table, {}).get(check, self.checks[check])


class SeverityTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    landing: LandingSeverity
    thresholds: Thresholds
    planned_dates: frozenset[str]
    marts: dict[str, Severity]


@lru_cache
def severity_table() -> SeverityTable:
    """The table.

    Raises:
        ConfigurationError: the file does not follow the schema.
    """
    try:
        return SeverityTable.model_validate(yaml.safe_load(SEVERITY_FILE.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ConfigurationError(f"{SEVERITY_FILE}: {error}") from None
