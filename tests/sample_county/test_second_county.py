"""A made-up second county goes through the unchanged pipeline: nothing depends on the first one's codes or names."""

from datetime import date

import duckdb
import pytest

from expectations.landing import check_landing
from expectations.marts import check_marts
from ingestion.bank import Bank
from ingestion.land import complete, land
from qianmo.build import build
from qianmo.settings import create_keys, keys
from sample_county.divisions import read_divisions
from sample_county.generate import generate
from tests.sample_county.conftest import SCALE, SEED
from tests.second_county import DIVISIONS, NAME, bank_of_second_county

DAY, NEXT = date(2026, 9, 28), date(2026, 9, 29)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Landed, checked and built for two dates."""
    root = tmp_path_factory.mktemp("second")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QIANMO_HOME", str(root))
        keys.cache_clear()
        create_keys()
        bank = bank_of_second_county(root)
        inbox = bank.home.inbox
        truth, postgres = root / "truth", inbox / "acquiring_postgres"
        generate(inbox, SCALE, SEED, DAY, NEXT, postgres, truth, divisions=read_divisions([DIVISIONS], NAME))
        for day in (DAY, NEXT):
            for source in bank.sources:
                land(bank, source, day)
            assert complete(bank, day) == []
            check_landing(bank, day)
            build(bank, day)
            check_marts(bank, day)
        yield bank
    keys.cache_clear()


def test_no_file_names_the_first_county(second: Bank) -> None:
    for path in second.home.inbox.glob("*/*/**/*.csv"):
        text = path.read_text(encoding="utf-8")
        assert "兴化" not in text, path
        assert "321281" not in text, path


def test_its_grids_sum_to_its_bank(second: Bank) -> None:
    with duckdb.connect(str(second.home.warehouse), read_only=True) as connection:

        def one(query: str) -> int:
            [(value,)] = connection.execute(query).fetchall()
            return int(value)

        assert one("select count(*) from marts.mart_grid_rollup where grid_level = 'town' and grids > 0") == 2 * 6
        people = one("select count(*) from marts.dim_customer where customer_type = 'person'")
        assert one(
            f"select sum(people) from marts.mart_grid where grid_kind = 'entity' and business_date = '{NEXT}'"
        ) == (people)
        assert (
            one("select count(distinct legal_entity_code) from marts.mart_grid where legal_entity_code = '990101'") == 1
        )
        assert one("select count(distinct change_kind) from marts.mart_grid_restated") == 2
        assert one("select count(*) from marts.mart_village_credit where roster_people > 0") > 0
