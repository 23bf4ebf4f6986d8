"""Visits of the sample county: every kind of story is there at every scale, and what is honest can have happened."""

import numpy as np
import pandas as pd
import pytest

from sample_county import parameters as p
from sample_county.county import make_county
from sample_county.visits import is_cheat
from tests.sample_county.conftest import FIRST, LAST, SEED

ON_SITE, CALL = "上门", "电话"


@pytest.fixture(scope="module", params=[0.001, 0.01])
def visits(request: pytest.FixtureRequest) -> pd.DataFrame:
    return make_county(request.param, SEED, FIRST, LAST).marketing.visit


def test_every_story_is_told(visits: pd.DataFrame) -> None:
    assert set(visits["story"]) == {"", "desk", "duplicate", *p.VISIT_STORIES}
    cheats = visits.loc[is_cheat(visits["story"]), "story"]
    assert set(cheats) == {"desk", "travel", "bulk", "late_bulk", "duplicate", "day_off"}
    assert 0 < len(cheats) < len(visits) / 5


def test_nothing_is_entered_before_it_was(visits: pd.DataFrame) -> None:
    visited = visits["day"] * 86_400 + visits["second"]
    entered = visits["recorded_day"] * 86_400 + visits["recorded_second"]
    assert (entered >= visited).all()
    assert visits["second"].between(0, 86_399).all()


def test_calls_have_no_place(visits: pd.DataFrame) -> None:
    placed = visits[["latitude", "longitude"]].notna().all(axis=1)
    assert set(visits["method"]) == {ON_SITE, CALL}
    assert (placed == (visits["method"] == ON_SITE)).all()


def test_honest_people_are_in_one_place_at_a_time(visits: pd.DataFrame) -> None:
    honest = visits[~is_cheat(visits["story"]) & (visits["method"] == ON_SITE)]
    honest = honest.sort_values(["manager", "day", "second"])
    same = (honest["manager"].diff() == 0) & (honest["day"].diff() == 0)
    hours = (honest["second"].diff() / 3600)[same]
    km = np.hypot(honest["latitude"].diff() * 111.2, honest["longitude"].diff() * 93.5)[same]
    assert (hours > 0).all()
    assert (km / hours).max() < 80
