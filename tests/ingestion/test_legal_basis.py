"""By what right a batch is held: every outside batch must say so, and it ends on the day it expires."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from ingestion.contract import contracts
from ingestion.legal_basis import read_legal_basis

DAY = date(2026, 9, 28)
BASIS = {"source": "公积金中心", "legal_basis": "客户授权", "purpose": "营销", "expires": "2027-01-01"}


def test_every_table_from_outside_and_from_marketing_needs_a_basis() -> None:
    asked = [contract for contract in contracts().values() if contract.source in ("external", "marketing")]
    assert len(asked) >= 8
    # What comes back of a list comes under the basis of the list.
    without = [contract.name for contract in asked if contract.legal_basis != "required"]
    assert without == ["marketing.list_return"]


@pytest.mark.parametrize(("days", "holds"), [(-1, False), (0, False), (1, True)])
def test_a_basis_ends_on_the_day_it_expires(tmp_path: Path, days: int, holds: bool) -> None:
    file = tmp_path / "batch.basis.json"
    file.write_text(json.dumps(BASIS | {"expires": (DAY + timedelta(days=days)).isoformat()}))
    assert (read_legal_basis(file, DAY) is not None) is holds


@pytest.mark.parametrize("missing", ["source", "legal_basis", "purpose", "expires"])
def test_an_incomplete_basis_is_none(tmp_path: Path, missing: str) -> None:
    file = tmp_path / "batch.basis.json"
    for content in ({name: text for name, text in BASIS.items() if name != missing}, BASIS | {missing: " "}):
        file.write_text(json.dumps(content))
        assert read_legal_basis(file, DAY) is None
    assert read_legal_basis(tmp_path / "none.json", DAY) is None
