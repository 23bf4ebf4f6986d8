"""Who is given to whom, and why somebody is not."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qianmo.dispatch import (
    CANDIDATES,
    CAPACITIES,
    HELD,
    LOWEST_PRIORITY,
    PRIORITY_RATIO,
    SCORE_LEVELS,
    _can_be_served,
    _problem,
    dispatched,
)
from tests.evidence.dispatch import exact, faults, greedy, instance, worth_of

Told = dict[tuple[str, str], tuple[str | None, str | None]]


def candidate(customer: str, **columns: Any) -> dict[str, Any]:
    """Of list visit_list and branch B1, with nobody of their own."""
    return {
        "list_code": "visit_list", "customer_id": customer, "channel": "visit", "needs_manager": True, "priority": 3,
        "capacity_per_manager": 5, "branch_code": "B1", "own_manager_id": None, "grid_manager_id": None,
        "portfolio_class": "non_credit", "score": 100.0,
    } | columns  # fmt: skip


def manager(name: str, **columns: Any) -> dict[str, Any]:
    """With time for five visits, in the team of branch B1, short of nothing."""
    return {
        "manager_id": name, "channel": "visit", "branch_code": "B1", "is_team": True, "free": 5,
        "short_offline_credit": 0.0, "short_online_credit": 0.0, "short_non_credit": 0.0,
    } | columns  # fmt: skip


def given(
    candidates: list[dict[str, Any]], managers: list[dict[str, Any]], held: list[dict[str, Any]] | None = None
) -> Told:
    """(customer, list) → manager and how, or None and why not."""
    result = dispatched(
        pa.Table.from_pylist(candidates, CANDIDATES),
        pa.Table.from_pylist(managers, CAPACITIES),
        pa.Table.from_pylist(held or [], HELD),
    )
    return {
        (row["customer_id"], row["list_code"]): (row["manager_id"], row["assignment_basis"])
        if row["served"]
        else (None, row["unserved_reason"] + (f": {row['limited_by']}" if row["limited_by"] else ""))
        for row in result.to_pylist()
    }


def test_own_customers_stay_with_their_manager_even_when_others_have_room() -> None:
    candidates = [candidate(f"C{number}", own_manager_id="M1") for number in range(3)]
    told = given(candidates, [manager("M1", free=2), manager("M2")])
    assert told == {
        ("C0", "visit_list"): ("M1", "own_manager"),
        ("C1", "visit_list"): ("M1", "own_manager"),
        ("C2", "visit_list"): (None, "over_capacity: channel"),
    }


def test_the_grid_owner_is_preferred_and_the_team_takes_what_is_left() -> None:
    candidates = [candidate(f"C{number}", grid_manager_id="M2") for number in range(3)]
    told = given(candidates, [manager("M1"), manager("M2", free=2)])
    assert sorted(told.values()) == [("M1", "branch_team"), ("M2", "grid_owner"), ("M2", "grid_owner")]


def test_a_grid_owner_of_another_branch_is_not_asked() -> None:
    candidates = [candidate("C1", grid_manager_id="M9")]
    told = given(candidates, [manager("M1"), manager("M9", branch_code="B9")])
    assert told == {("C1", "visit_list"): ("M1", "branch_team")}


def test_in_a_team_whose_portfolio_is_short_of_the_class_comes_first() -> None:
    candidates = [candidate("C1"), candidate("C2", portfolio_class="online_credit")]
    told = given(candidates, [manager("M1", short_online_credit=0.9), manager("M2", short_non_credit=0.9)])
    assert told == {("C1", "visit_list"): ("M2", "branch_team"), ("C2", "visit_list"): ("M1", "branch_team")}


def test_work_spreads_over_a_team() -> None:
    told = given([candidate(f"C{number}") for number in range(4)], [manager("M1", free=4), manager("M2", free=4)])
    assert sorted(who or "" for who, _ in told.values()) == ["M1", "M1", "M2", "M2"]


def test_priority_goes_before_any_score_and_a_customer_is_on_one_list() -> None:
    first = {"list_code": "first_list", "priority": 1, "score": 0.0}
    candidates = [candidate("C1", score=9e6), candidate("C1", **first), candidate("C2", score=9e6)]
    told = given(candidates, [manager("M1", free=1)])
    assert told == {
        ("C1", "first_list"): ("M1", "branch_team"),
        ("C1", "visit_list"): (None, "on_higher_list"),
        ("C2", "visit_list"): (None, "over_capacity: channel"),
    }


def test_one_row_of_a_higher_priority_is_worth_more_than_two_of_the_next_with_the_highest_score() -> None:
    levels = SCORE_LEVELS * PRIORITY_RATIO ** np.arange(LOWEST_PRIORITY)
    assert (levels[1:] >= 2 * levels[:-1] + SCORE_LEVELS).all()


def test_rows_of_a_list_that_a_manager_holds_use_up_its_capacity() -> None:
    candidates = [candidate(f"C{number}", own_manager_id="M1", capacity_per_manager=2) for number in range(2)]
    told = given(candidates, [manager("M1")], [{"manager_id": "M1", "list_code": "visit_list", "held": 1}])
    assert told == {
        ("C0", "visit_list"): ("M1", "own_manager"),
        ("C1", "visit_list"): (None, "over_capacity: list"),
    }


def test_equal_rows_are_served_in_the_order_of_customer_ids_whatever_the_order_of_rows() -> None:
    candidates = [candidate(f"C{number}") for number in range(6)]
    told = given(candidates, [manager("M1", free=3)])
    assert [customer for (customer, _), (who, _) in told.items() if who] == ["C0", "C1", "C2"]
    assert given(candidates[::-1], [manager("M1", free=3)]) == told


def test_without_anybody_in_reach_a_row_says_so() -> None:
    candidates = [candidate("C1", branch_code=None), candidate("C2", branch_code="B2")]
    managers = [manager("M1"), manager("M2", branch_code="B2", is_team=False)]
    assert set(given(candidates, managers).values()) == {(None, "no_manager")}
    assert set(given(candidates, []).values()) == {(None, "no_manager")}


def test_what_the_bank_sends_goes_to_who_knows_the_customer_or_to_the_branch() -> None:
    sms = {"list_code": "sms_list", "channel": "sms", "needs_manager": False, "capacity_per_manager": 1}
    candidates = [candidate(f"C{number}", **sms) for number in range(3)]
    candidates += [candidate("C3", own_manager_id="M1", **sms), candidate("C4", own_manager_id="M1", **sms)]
    told = given(candidates, [manager("M1", channel="sms")])
    assert [told[f"C{number}", "sms_list"] for number in range(5)] == [
        *[(None, "branch_team")] * 3,
        ("M1", "own_manager"),
        (None, "over_capacity: list"),
    ]
    assert given(candidates[:1], []) == {("C0", "sms_list"): (None, "branch_team")}


def test_nothing_to_dispatch() -> None:
    assert given([], [manager("M1")]) == {}


@pytest.mark.parametrize("seed", range(4))
def test_random_instances_are_solved_exactly_and_break_no_limit(seed: int) -> None:
    tables = instance(100 + seed, customers=120, managers=5 + seed)
    result = dispatched(**tables)
    assert faults(tables, result) == []
    assert worth_of(tables, result) == exact(tables) >= greedy(tables)


def test_rows_beyond_what_capacity_can_serve_are_left_out_without_loss() -> None:
    tables = instance(7, customers=1_000, managers=4, lists=2, per_customer=2)
    little = pa.array([3] * tables["capacities"].num_rows, pa.int32())
    tables["capacities"] = tables["capacities"].set_column(CAPACITIES.get_field_index("free"), "free", little)
    problem = _problem(**tables)
    assert _can_be_served(problem).sum() < problem.rows / 2
    result = dispatched(**tables)
    assert worth_of(tables, result) == exact(tables)
