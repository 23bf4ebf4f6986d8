"""What a check is worth is data: a table may differ, and a faulty file is named."""

from pathlib import Path

import pytest

from expectations import severity
from expectations.severity import severity_table
from qianmo.errors import ConfigurationError


def test_a_table_may_be_worth_more_than_the_rule() -> None:
    landing = severity_table().landing
    assert landing.of("first_load_rows", "marketing.opt_out") == "warning"
    assert landing.of("first_load_rows", "core.customer") == "critical"


def test_a_faulty_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = tmp_path / "severity.yml"
    faulty.write_text(severity.SEVERITY_FILE.read_text(encoding="utf-8").replace("share: critical", "share: fatal"))
    monkeypatch.setattr(severity, "SEVERITY_FILE", faulty)
    severity_table.cache_clear()
    with pytest.raises(ConfigurationError, match=r"(?s)severity\.yml.*marts\.share"):
        severity_table()
    severity_table.cache_clear()
