"""Tags of the sample county as of each published date, read from the latest publication."""

from collections.abc import Iterator

import pytest

from ingestion.bank import Bank, load_bank
from qianmo.home import PROJECT_ROOT
from qianmo.settings import keys
from tests.county import DATES, SampleCounty
from tests.evidence.point_in_time import compare

pytestmark = pytest.mark.timeout(1800)  # the county is made by whichever test asks first


@pytest.fixture(scope="module")
def bank(sample_county: SampleCounty) -> Iterator[Bank]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QIANMO_HOME", str(sample_county.home))
        keys.cache_clear()
        yield load_bank(PROJECT_ROOT / "banks" / "sample")
    keys.cache_clear()


def test_tags_as_of_a_date_are_what_was_published_on_it(bank: Bank) -> None:
    compared = {one.business_date: one for one in compare(bank)}
    assert set(compared) == set(DATES)
    for one in compared.values():
        assert one.customers > 1000
        assert (one.only_then, one.only_now) == (0, 0), one
    assert compared[DATES[0]].changed_since > 0, "or the comparison would say nothing"
