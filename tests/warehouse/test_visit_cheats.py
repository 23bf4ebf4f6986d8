"""The demo's county: the planted cheats are suspected and honest work is not."""

import duckdb
import pytest

from tests.county import SampleCounty

pytestmark = pytest.mark.timeout(1800)  # the county is made by whichever test asks first


def test_planted_cheats_are_found(sample_county: SampleCounty) -> None:
    """Of so few visits every one; precision and recall at a larger scale are tests.evidence.visit_cheats."""
    truth = sample_county.bank.root / "truth" / "visit_stories.csv"
    with duckdb.connect(str(sample_county.bank.warehouse), read_only=True) as connection:
        wrong = connection.execute(
            "select story, fault, count(*) from intermediate.int_visit__checked"
            " left join read_csv($truth) using (visit_id)"
            " where is_valid = coalesce(is_cheat, false) group by all",
            {"truth": str(truth)},
        ).fetchall()
    assert wrong == []
