"""What a list brought: intervals against known values and by small simulations, and the table of looks."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from statsmodels.stats.power import NormalIndPower  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_effectsize  # type: ignore[import-untyped]
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW  # type: ignore[import-untyped]

from qianmo.lift import (
    always_valid,
    cluster_difference,
    design_effect,
    mean_difference,
    power,
    rate_difference,
    required_rows,
    verdict,
)
from qianmo.list_lift import LIFT, lift


@pytest.mark.parametrize(
    ("counts", "interval"),
    [((56, 70, 48, 80), (0.0528, 0.3382)), ((9, 10, 3, 10), (0.1700, 0.8406)), ((10, 10, 0, 20), (0.7156, 1.0))],
)
def test_the_score_interval_is_as_published(counts: tuple[int, int, int, int], interval: tuple[float, float]) -> None:
    """Newcombe (1998, Statistics in Medicine 17, 873-890), table II, Miettinen and Nurminen's method."""
    found = rate_difference(*counts)
    assert (float(found.low), float(found.high)) == pytest.approx(interval, abs=6e-5)


def test_groups_in_which_nobody_or_everybody_reached_the_outcome_have_an_interval() -> None:
    found = rate_difference([0, 10, 0, 5], [10, 10, 10, 5], [0, 0, 10, 5], [10, 10, 10, 5])
    assert np.all((found.low <= found.difference) & (found.difference <= found.high))
    assert np.all((found.low >= -1) & (found.high <= 1) & (found.low < found.high))
    assert np.isnan(rate_difference(1, 10, 0, 0).low)


def test_amounts_are_compared_as_welch_does() -> None:
    random = np.random.default_rng(1)
    served, control = random.lognormal(3, 1, 200), random.lognormal(2.5, 0.5, 40)
    sums = [part for a in (served, control) for part in (len(a), a.sum(), (a**2).sum())]
    found = mean_difference(*sums)
    expected = CompareMeans(DescrStatsW(served), DescrStatsW(control)).tconfint_diff(usevar="unequal")
    assert (float(found.low), float(found.high)) == pytest.approx(expected)


def _clusters(random: np.random.Generator, count: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    rows = np.maximum(1, random.lognormal(3, 0.6, count)).astype(int)
    return random.binomial(rows, random.beta(rate * 30, (1 - rate) * 30, count)), rows


def test_whole_villages_are_judged_by_villages() -> None:
    """Of 60 lists without effect the interval misses zero for about 3; as if drawn one by one, for 12."""
    random = np.random.default_rng(5)
    is_served = np.arange(60) < 45
    missed = naive = 0
    for _ in range(60):
        reached, rows = _clusters(random, 60, 0.1)
        found = cluster_difference(reached, rows, is_served)
        missed += not found.low <= 0 <= found.high
        sums = [part[mask].sum() for mask in (is_served, ~is_served) for part in (reached, rows)]
        one_by_one = rate_difference(*sums)
        naive += not one_by_one.low <= 0 <= one_by_one.high
    assert missed <= 7
    assert naive >= 9


def test_an_effect_on_villages_is_found_and_the_same_each_time() -> None:
    random = np.random.default_rng(6)
    reached, rows = _clusters(random, 60, 0.1)
    is_served = np.arange(60) < 45
    reached = reached + np.where(is_served, np.round(0.2 * rows).astype(int), 0)
    found, again = (cluster_difference(reached, rows, is_served) for _ in range(2))
    assert 0.1 < found.low < found.difference < found.high < 0.3
    assert (found.low, found.high) == (again.low, again.high)


def test_too_few_villages_say_nothing() -> None:
    assert np.isnan(cluster_difference([1, 2, 3], [9, 9, 9], [True, True, False]).low)
    assert np.isnan(cluster_difference([1, 2, 3, 1], [9, 9, 9, 9], [True, True, False, False]).low)


def test_looking_every_day_finds_nothing_where_nothing_is() -> None:
    """400 lists without effect, looked at on each of 60 days: with fixed intervals a quarter of them seem to work."""
    random = np.random.default_rng(7)

    def days(rows: int) -> np.ndarray:
        reached = random.multinomial(random.binomial(rows, 0.06, 400), np.full(60, 1 / 60))
        return np.asarray(reached.cumsum(axis=1))

    served, control = days(870), days(290)
    fixed = rate_difference(served, 870, control, 290)
    valid = always_valid(fixed, control)
    assert np.mean(((fixed.low > 0) | (fixed.high < 0)).any(axis=1)) > 0.15
    assert np.mean(((valid.low > 0) | (valid.high < 0)).any(axis=1)) <= 0.05
    assert np.all(valid.high - valid.low > fixed.error * 2 * 1.96 - 1e-12)


def test_the_required_sample_is_that_of_the_library() -> None:
    size = proportion_effectsize(0.09, 0.04)
    served = NormalIndPower().solve_power(size, alpha=0.05, power=0.8, ratio=1 / 9)
    needed = float(required_rows(0.04, 0.05, 0.1))
    assert needed == pytest.approx(served / 0.9, abs=1)
    assert float(power(needed, 0.04, 0.05, 0.1)) == pytest.approx(0.8, abs=1e-3)
    assert float(design_effect([20, 20, 20], 0.02)) == pytest.approx(1.38)
    assert float(required_rows(0.04, 0.05, 0.1, 1.38)) == pytest.approx(needed * 1.38, abs=2)


@pytest.mark.parametrize(
    ("low", "high", "is_open", "rows", "said"),
    [
        (0.01, 0.05, True, 10, "lift"),
        (-0.05, -0.01, False, 10, "negative"),
        (-0.01, 0.05, True, 1000, "watching"),
        (-0.01, 0.05, False, 99, "too_few"),
        (-0.01, 0.05, False, 100, "none"),
        (np.nan, np.nan, False, 1000, "too_few"),
        (np.nan, np.nan, True, 1000, "watching"),
        (0.0, 0.05, False, 100, "none"),
    ],
)
def test_what_may_be_said(low: float, high: float, is_open: bool, rows: int, said: str) -> None:
    assert verdict(low, high, is_open, rows, 100) == said


def _look(code: str, is_control: bool, rows: int, reached: int, **more: Any) -> dict[str, Any]:
    base = {
        "legal_entity_code": "1", "look_date": date(2026, 9, 30), "origin": "warehouse", "list_code": code,
        "batch_id": "all", "outcome": "drawn", "window_days": 60, "is_control": is_control, "cluster_code": "customers",
        "expected_lift": 0.05, "expected_reached": 0.1 * rows, "is_open": False, "enrolled_rows": rows,
        "reached_rows": reached, "amount": 1000.0 * reached, "amount_squares": 1e6 * reached,
        "contact_cost": 0.0 if is_control else 6.0 * rows,
    }  # fmt: skip
    return base | more


def test_lists_are_told_one_by_one_and_together() -> None:
    rows = [
        _look("a", False, 900, 90), _look("a", True, 100, 2),
        *(
            _look("b", is_control, rows, reached, is_open=True, batch_id=batch)
            for batch in ("all", "b-1") for is_control, rows, reached in ((False, 300, 15), (True, 100, 5))
        ),
        _look("c", False, 50, 5),
    ]  # fmt: skip
    found = lift(pa.Table.from_pylist(rows))
    assert found.schema == LIFT
    told = {(row["scope"], row["list_code"]): row for row in found.to_pylist()}
    assert set(told) == {("list", "a"), ("list", "b"), ("batch", "b"), ("list", "c"), ("all", "all")}
    a, b, c, together = (told[key] for key in [("list", "a"), ("list", "b"), ("list", "c"), ("all", "all")])
    assert (a["interval_kind"], a["lift_verdict"]) == ("fixed", "lift")
    assert a["lift"] == pytest.approx(0.08)
    assert a["cost_per_incremental"] == pytest.approx(900 * 6 / (0.08 * 900))
    assert a["incremental_amount"] == pytest.approx(0.08 * 1000 * 900)
    assert a["base_rate"] == pytest.approx(0.05)  # the rule expects a tenth with the list, which is to bring half of it
    assert (b["interval_kind"], b["lift_verdict"]) == ("always_valid", "watching")
    assert b["lift_high"] - b["lift_low"] > 0.08
    assert (c["lift"], c["lift_low"], c["lift_verdict"]) == (None, None, "too_few")
    # a mean by rows served, not the difference of the sums, which is another: 105 / 1200 - 7 / 200
    assert together["lift"] == pytest.approx((0.08 * 900 + 0 * 300) / 1200)
    assert together["is_open"]


def test_an_interval_ends_where_shares_end() -> None:
    rows = [_look("a", is_control, 4, reached, is_open=True) for is_control, reached in ((False, 3), (True, 2))]
    [alone] = lift(pa.Table.from_pylist(rows)).to_pylist()
    assert (alone["lift"], alone["lift_high"]) == (0.25, 1)
    assert alone["incremental_high"] == 4


def test_a_list_of_whole_grids_is_told_by_its_grids() -> None:
    random = np.random.default_rng(8)
    reached, rows = _clusters(random, 24, 0.15)
    looks = [
        _look("g", number >= 16, int(n), int(y), cluster_code=f"G{number:02d}")
        for number, (y, n) in enumerate(zip(reached, rows, strict=True))
    ]
    [found] = lift(pa.Table.from_pylist(looks)).to_pylist()
    expected = cluster_difference(reached, rows, np.arange(24) < 16)
    assert found["clusters"] == 24
    assert (found["lift_low"], found["lift_high"]) == pytest.approx((float(expected.low), float(expected.high)))
    assert found["required_rows"] > float(required_rows(0.05, 0.05, 1 / 3))


def test_no_look_is_no_row() -> None:
    empty = pa.Table.from_pylist([_look("a", False, 1, 0)]).slice(0, 0)
    assert lift(empty).num_rows == 0
