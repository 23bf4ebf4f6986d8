"""Of a built county: MetricFlow says what mart_metric says, every sum adds up, every change is explained."""

import pytest

from tests.county import DATES, SampleCounty
from tests.evidence.additivity import differences_of, versions
from tests.evidence.metric_contract import compared, draw_rates

pytestmark = pytest.mark.timeout(1800)  # the county is made by whichever test asks first

MANIFEST = "target/semantic_manifest.json"


def test_metricflow_says_what_mart_metric_says(sample_county: SampleCounty) -> None:
    home = sample_county.bank
    count, differences = compared(home.warehouse, home.dbt / MANIFEST)
    assert count > 5_000
    assert differences == []


def test_both_draw_rates_stand_side_by_side_for_the_same_draws(sample_county: SampleCounty) -> None:
    """S2: 2.9万 drawn of 8.4万 evaluated is 34.52 %, of those 2.9 + 1.37万 credited 67.9 %."""
    rates = draw_rates(sample_county.bank.warehouse)
    drawn, evaluated, of_evaluated = rates["drawdown_rate_evaluated"]
    also_drawn, credited, of_credited = rates["drawdown_rate_credited"]
    assert drawn == also_drawn
    assert of_evaluated == pytest.approx(drawn / evaluated)
    assert of_credited == pytest.approx(drawn / credited)
    assert of_evaluated < of_credited


@pytest.mark.parametrize("day", DATES)
def test_every_figure_adds_up_and_every_change_is_explained(sample_county: SampleCounty, day: str) -> None:
    sums, changes, differences = differences_of(versions(sample_county.bank.published)[day], day)
    assert differences == []
    assert sums > 1_000
    assert (changes > 1_000) == (day != DATES[0])
