"""A day of the sample county, from its files to its packages: nobody who was planted as out of bounds is in any file.

The suppression rules are tested one by one elsewhere; this holds the whole way against the generator's truth.
"""

import csv
import io
import json
import re
from collections.abc import Iterator

import duckdb
import pytest
import pyzipper

from delivery.manifest import is_intact, read_manifest
from delivery.password import derive_password
from expectations.raw_identifier import ID_NUMBER, PHONE
from ingestion.bank import Bank, load_bank
from qianmo import ledger
from qianmo.home import PROJECT_ROOT
from qianmo.settings import keys
from tests.county import SampleCounty

DAY = "2026-09-28"
CHANNELS = {"全部": {"短信", "电话", "上门", "微信"}}

Row = dict[str, str]

pytestmark = pytest.mark.timeout(1800)  # the county is made by whichever test asks first


@pytest.fixture(scope="module")
def county(sample_county: SampleCounty) -> Iterator[Bank]:
    """The sample bank after the demo; only its first date is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QIANMO_HOME", str(sample_county.home))
        keys.cache_clear()
        yield load_bank(PROJECT_ROOT / "banks" / "sample")
    keys.cache_clear()


@pytest.fixture(scope="module")
def delivered(county: Bank) -> list[Row]:
    """Every row of every package, read with the recipient's password."""
    rows: list[Row] = []
    for path in county.home.delivery.glob(f"{DAY}/*/*/*/manifest.json"):
        manifest = read_manifest(path.parent)
        assert manifest is not None
        assert is_intact(path.parent, manifest)
        password = derive_password(county.name, manifest.recipient_type, manifest.recipient, manifest.password_period)
        with pyzipper.AESZipFile(next(path.parent.glob("*.csv.zip"))) as archive:
            archive.setpassword(password.encode())
            text = archive.read(archive.namelist()[0]).decode("utf-8-sig")
        found = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(found) == manifest.rows + manifest.removed_rows
        rows += [row | {"recipient_type": manifest.recipient_type} for row in found]
    return rows


def planted(county: Bank, name: str) -> list[Row]:
    with (county.home.root / "truth" / f"{name}.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("since", "0") == "0"]
    assert rows
    return rows


def test_lists_are_delivered_to_the_last_row(county: Bank, delivered: list[Row]) -> None:
    assert len({row["名单代码"] for row in delivered}) >= 6
    with duckdb.connect(next(county.home.published.glob(f"marts-{DAY}-*.duckdb")), read_only=True) as connection:
        expected = set(
            connection.execute(
                "select list_code, core_customer_id from marts.mart_marketing_list where not is_holdout"
            ).fetchall()
        )
        without_phone = {
            customer
            for (customer,) in connection.execute(
                "select core_customer_id from marts.dim_customer where phone_key is null"
            ).fetchall()
        }
    assert {(row["名单代码"], row["客户号"]) for row in delivered if row["recipient_type"] == "branch"} == expected
    assert all(row["姓名"] for row in delivered)
    assert {row["客户号"] for row in delivered if not re.fullmatch(r"1\d{10}", row["手机号"])} <= without_phone
    managers: dict[str, set[str]] = {}
    for row in delivered:
        managers.setdefault(row["客户号"], set()).add(row["客户经理工号"])
    assert all(len(one) == 1 for one in managers.values())


@pytest.mark.parametrize("name", ["minors", "deceased", "staff", "grey_black"])
def test_nobody_out_of_bounds_is_in_a_file(county: Bank, delivered: list[Row], name: str) -> None:
    assert not {row["customer_id"] for row in planted(county, name)} & {row["客户号"] for row in delivered}


def test_nobody_is_addressed_through_a_refused_channel(county: Bank, delivered: list[Row]) -> None:
    refused = {
        (row["customer_id"], channel)
        for row in planted(county, "opt_outs")
        for channel in CHANNELS.get(row["channel"], {row["channel"]})
    }
    assert not refused & {(row["客户号"], row["触达渠道"]) for row in delivered}


def test_gates_passed_and_their_pages_hold_no_identifier(county: Bank) -> None:
    results = ledger.rows(county.home, ledger.gate_result, business_date=DAY)
    assert {row["gate"] for row in results} == {"landing", "marts"}
    assert not [row for row in results if row["severity"] == "critical" and not row["success"]]
    pages = [*county.home.data_docs.rglob("*.html"), *(county.home.root / "failed_rows").rglob("*.csv")]
    assert len(pages) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(ID_NUMBER, text), page
        assert not re.search(PHONE, text), page


def test_the_ledger_knows_every_package(county: Bank) -> None:
    folders = list(county.home.delivery.glob("*/*/*/*/manifest.json"))
    recorded = {row["delivery_id"]: row for row in ledger.rows(county.home, ledger.delivery)}
    assert len(recorded) == len(folders)
    for path in folders:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        assert recorded[manifest["delivery_id"]]["content_sha256"] == manifest["rows_sha256"]
