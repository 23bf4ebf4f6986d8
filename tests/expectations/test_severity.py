"""What a check is worth is data: a table may differ, and a faulty file is named."""

from pathlib import Path

import pytest

from expectations import severity
from expectations.severity import severity_table
from ingestion.contract import GateRules, contracts
from qianmo.errors import ConfigurationError


def test_a_table_may_be_worth_more_than_the_rule() -> None:
    table = severity_table()
    assert table.of("first_load_rows", contracts()["marketing.opt_out"]) == "warning"
    assert table.of("first_load_rows", contracts()["core.customer"]) == "critical"


def test_every_contract_names_checks_that_there_are() -> None:
    for contract in contracts().values():
        severity_table().of("volume", contract)
    wrong = contracts()["core.customer"].model_copy(update={"gate": GateRules(severity={"volumes": "critical"})})
    with pytest.raises(ConfigurationError, match=r"core\.customer: gate\.severity: .* found volumes"):
        severity_table().of("volume", wrong)


def test_a_faulty_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = tmp_path / "severity.yml"
    faulty.write_text(severity.SEVERITY_FILE.read_text(encoding="utf-8").replace("share: critical", "share: fatal"))
    monkeypatch.setattr(severity, "SEVERITY_FILE", faulty)
    severity_table.cache_clear()
    with pytest.raises(ConfigurationError, match=r"(?s)severity\.yml.*marts\.share"):
        severity_table()
    severity_table.cache_clear()
