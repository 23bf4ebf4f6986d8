"""No raw identifier of the county's people is in what is published, served or stored by Superset."""

import gzip
import re
from pathlib import Path

import duckdb
import pytest

from ingestion.bank import Bank
from tests.county import SampleCounty

pytestmark = pytest.mark.timeout(1800)

ID_NUMBER = re.compile(rb"(?<![0-9])[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{3}[0-9Xx]")
PHONE = re.compile(rb"(?<![0-9])1[0-9]{10}(?![0-9])")


@pytest.fixture(scope="module")
def identifiers(sample_county: SampleCounty) -> set[bytes]:
    """Every ID number and phone of the core customers, as the bank's unloads hold them."""
    found: set[bytes] = set()
    for path in sample_county.bank.inbox.glob("core/*/customer_*.dat.gz"):
        content = gzip.decompress(path.read_bytes())
        found |= set(ID_NUMBER.findall(content)) | set(PHONE.findall(content))
    assert len(found) > 1000
    return found


def leaked(identifiers: set[bytes], files: list[Path]) -> dict[str, set[bytes]]:
    """Identifiers found in the bytes of files; DuckDB and SQLite keep text of this length as it is."""
    assert files
    found = {}
    for path in files:
        content = path.read_bytes()
        candidates = set(ID_NUMBER.findall(content)) | set(PHONE.findall(content))
        if here := candidates & identifiers:
            found[path.name] = here
    return found


def test_the_published_files_hold_none(sample_county: SampleCounty, identifiers: set[bytes], tmp_path: Path) -> None:
    texts = []
    for number, path in enumerate(sorted(sample_county.bank.published.glob("marts-*.duckdb"))):
        folder = tmp_path / str(number)
        with duckdb.connect(str(path), read_only=True) as connection:  # compressed columns are read as text
            connection.execute(f"export database '{folder}' (format csv)")
        texts += sorted(folder.glob("*.csv"))
    assert leaked(identifiers, texts) == {}


def test_superset_and_data_docs_hold_none(
    county: Bank, superset: str, sample_county: SampleCounty, identifiers: set[bytes]
) -> None:
    assert superset
    stored = [path for path in (county.home.root / "superset").rglob("*") if path.is_file()]
    documents = [path for path in sample_county.bank.data_docs.rglob("*") if path.is_file()]
    assert leaked(identifiers, stored) == {}
    assert leaked(identifiers, documents) == {}


def test_the_search_finds_what_is_there(identifiers: set[bytes], tmp_path: Path) -> None:
    one = sorted(identifiers)[0]
    (tmp_path / "leak.html").write_bytes(b"<td>" + one + b"</td>")
    assert leaked(identifiers, [tmp_path / "leak.html"]) == {"leak.html": {one}}
