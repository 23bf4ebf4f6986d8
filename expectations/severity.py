"""The table of what each check is worth, `severity.yml`."""

from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from expectations.check import Severity
from ingestion.contract import Contract
from qianmo.errors import ConfigurationError

SEVERITY_FILE = Path(__file__).parent / "severity.yml"


class Thresholds(BaseModel):
    """Shares are 0 to 1 of the rows of a batch; see `severity.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarantine_limit: float
    reference_limit: float
    past_batches: int
    past_weekdays: int
    past_deviations: float
    volume_floor: float
    share_floor: float
    rows_least: int
    repeated_batches: int


class SeverityTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    landing: dict[str, Severity]
    thresholds: Thresholds
    marts: dict[str, Severity]

    def of(self, check: str, contract: Contract) -> Severity:
        """The severity of a kind of check on a landed table.

        Raises:
            ConfigurationError: the contract names a kind of check that there is not.
        """
        if unknown := sorted(set(contract.gate.severity) - set(self.landing)):
            raise ConfigurationError(
                f"contract {contract.name}: gate.severity: expected checks of {SEVERITY_FILE.name}, "
                f"found {', '.join(unknown)}"
            )
        return contract.gate.severity.get(check, self.landing[check])


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
