"""No raw identifier of the county's people is in any file outside the vault and the inbox, Superset's included.

The slower `python -m tests.evidence.leaks` adds faulty rows, refused files and killed landings.
"""

import os
from pathlib import Path

import pytest

from ingestion.bank import Bank
from qianmo.home import BankHome
from qianmo.settings import keys
from tests.county import SampleCounty
from tests.raw_values import RawValues, files_to_search, leaky_files, of_sources, of_vault, open_names, search, told

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def identifiers(sample_county: SampleCounty) -> RawValues:
    """Every ID number and phone of the sources, and every name, account number and address of the vault."""
    home = os.environ.get("QIANMO_HOME")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QIANMO_HOME", str(sample_county.home))
        keys.cache_clear()
        bank = sample_county.bank
        found = of_sources(bank) | of_vault(bank, open_names(bank))
    keys.cache_clear()
    assert os.environ.get("QIANMO_HOME") == home
    assert len(found.numbers) > 1000
    assert len(found.phones) > 1000
    assert len(found.texts) > 1000
    return found


def outside(root: Path, bank: BankHome) -> list[Path]:
    return files_to_search(root, [bank.inbox, bank.root / "truth"])


def test_no_file_of_the_demo_holds_any(sample_county: SampleCounty, identifiers: RawValues) -> None:
    files = outside(sample_county.home, sample_county.bank)
    places = {path.relative_to(sample_county.home).parts[:2] for path in files}
    assert {("sample", area) for area in (
        "landing", "warehouse", "published", "quarantine", "failed_rows", "data_docs", "delivery", "dbt", "superset",
        "ledger.sqlite",
    )} <= places  # fmt: skip
    assert any("airflow" in str(path) and path.suffix == ".log" for path in files), "the demo's task logs"
    found, size = search(identifiers, files)
    assert size > 10_000_000
    assert found == {}, told(found, sample_county.home)


def test_a_superset_that_was_used_holds_none(county: Bank, superset: str, identifiers: RawValues) -> None:
    assert superset
    found, _ = search(identifiers, outside(county.home.root / "superset", county.home))
    assert found == {}, told(found, county.home.root)


@pytest.mark.parametrize("kind", ["numbers", "phones", "texts", "odd"])
def test_the_search_finds_what_is_there(identifiers: RawValues, kind: str, tmp_path: Path) -> None:
    value = min(getattr(identifiers, kind))
    found, _ = search(identifiers, files := leaky_files(value, tmp_path))
    assert {path.name for path in files if value not in found.get(path, set())} == set()
