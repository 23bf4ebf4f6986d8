"""The sample bank's mappings fit its files: everything lands, and only what was planted is quarantined."""

from datetime import date
from pathlib import Path

import pytest

from ingestion.bank import load_bank
from ingestion.land import complete, land
from qianmo.settings import create_keys
from sample_county.generate import generate
from tests.sample_county.conftest import SCALE, SEED


@pytest.mark.parametrize("first", [date(2026, 9, 28), date(2026, 9, 15)], ids=["28th", "opening"])
def test_the_sample_lands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: date) -> None:
    monkeypatch.setenv("QIANMO_HOME", str(tmp_path))
    create_keys()
    bank = load_bank(Path(__file__).parents[2] / "banks" / "sample")
    inbox = bank.home.inbox
    generate(inbox, SCALE, SEED, first, first, inbox / "acquiring_postgres", tmp_path / "truth")
    results = {f"{r.source}.{r.table}": r for source in bank.sources for r in land(bank, source, first)}
    assert complete(bank, first) == []
    assert len(results) == 44
    assert {name: r.rows_quarantined for name, r in results.items() if r.rows_quarantined} == {
        "credit.village_roster": 3
    }
    assert all(r.rows_in == r.rows_landed + r.rows_quarantined for r in results.values())
    assert [name for name, r in results.items() if r.rows_landed == 0] == []
