"""When a learnt model ranks instead of the rule, what it says, and what it may not see."""

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from qianmo.errors import ConfigurationError
from qianmo.response_model import (
    RESPONSE_MODEL,
    assessed,
    auc_gain,
    predicted,
    response_model,
    stability,
)

BY = response_model()
COLUMNS = [one.column for one in BY.features]
FIRST = date(2026, 1, 1)
A, B = (pa.table({"list_code": [code], "outcome": ["credited"]}) for code in "ab")
ROWS, BATCHES = 900, 4


def features(random: np.random.Generator, size: int, **columns: Any) -> dict[str, Any]:
    """Every feature without meaning, but those given."""
    return {name: random.random(size) for name in COLUMNS} | columns


def past(*lists: str, weight: float, seed: int = 1, rule_knows: bool = False) -> pa.Table:
    """Four monthly batches per list, credited within 20 days at about 10 %: the odds rise by `weight` with a shop."""
    random = np.random.default_rng(seed)
    size = ROWS * BATCHES
    tables = []
    for code in lists:
        shop = random.random(size) < 0.4
        probability = 1 / (1 + np.exp(-(weight * (shop - 0.4) - 2.2)))
        batch = np.repeat(np.arange(BATCHES), ROWS)
        listed = [FIRST + timedelta(days=30 * int(number)) for number in batch]
        table = {
            "list_code": [code] * size,
            "outcome": ["credited"] * size,
            "customer_id": [f"P{number:05}" for number in range(size)],
            "listed_date": listed,
            "known_date": [day + timedelta(days=21) for day in listed],
            "response_rule": probability if rule_knows else np.where(random.random(size) < 0.5, 0.08, 0.12),
            "value_amount": np.full(size, 1000.0),
            "is_success": random.random(size) < probability,
        }
        tables.append(pa.table(table | features(random, size, has_merchant=shop.astype(float))))
    return pa.concat_tables(tables)


def present(*lists: str, seed: int = 2, shops: float = 0.4, relation_years: float = 1.0) -> pa.Table:
    """Candidates of today, distributed like past rows."""
    random = np.random.default_rng(seed)
    size = 2000
    of = {"has_merchant": (random.random(size) < shops).astype(float)}
    of["relation_years"] = random.random(size) * relation_years
    return pa.concat_tables(
        [
            pa.table(
                {"list_code": [code] * size, "customer_id": [f"P{n}" for n in range(size)]}
                | features(random, size, **of)
            )
            for code in lists
        ]
    )


def one(table: pa.Table) -> dict[str, Any]:
    [row] = table.to_pylist()
    return row  # type: ignore[no-any-return]


def put(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), column, values)


def test_a_model_that_beats_the_rule_on_later_batches_takes_over_with_its_figures() -> None:
    row = one(assessed(A, past("a", weight=2.0), present("a"), BY))
    assert (row["is_model"], row["decision"]) == (True, "按模型排序:留出期检验显著优于规则")
    assert row["held_out_from"] == FIRST + timedelta(days=90)
    assert (row["held_out_rows"], row["learnt_rows"]) == (ROWS, ROWS * (BATCHES - 1))
    assert row["model_auc"] - row["rule_auc"] > 0.1 < row["auc_gain_high"]
    assert row["auc_gain_low"] > 0 < row["log_loss_gain_low"]
    assert row["model_captured_value"] > row["rule_captured_value"]
    bins = json.loads(row["calibration"])
    assert sum(one["rows"] for one in bins) == ROWS
    assert max(abs(one["expected"] - one["seen"]) for one in bins) < 0.1


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (past("a", weight=0.0), "未达到0.02或区间含零"),
        (past("a", weight=2.0, rule_knows=True), "未达到0.02或区间含零"),
        (past("a", weight=2.0).slice(ROWS * 2), "样本不足"),
        (past("a", weight=2.0).slice(0, 0), "还没有过了观察期的推送结果"),
    ],
    ids=["nothing to learn", "the rule knows it", "too few to learn from", "no past"],
)
def test_otherwise_the_rule_stays_and_the_reason_is_said(rows: pa.Table, why: str) -> None:
    row = one(assessed(A, rows, present("a"), BY))
    assert not row["is_model"]
    assert row["decision"].startswith("按规则排序:")
    assert why in row["decision"]


def test_a_held_out_batch_in_which_all_succeeded_cannot_tell_who_ranks_better() -> None:
    rows = put(past("a", weight=2.0), "response_rule", pa.array(np.full(ROWS * BATCHES, 0.01)))
    last = pc.equal(rows["listed_date"], pa.scalar(FIRST + timedelta(days=90), pa.date32()))
    row = one(assessed(A, put(rows, "is_success", pc.or_(rows["is_success"], last)), present("a"), BY))
    assert not row["is_model"]
    assert "留出期样本不足(900行、成效900行" in row["decision"]


def test_candidates_unlike_past_rows_hand_back_to_the_rule() -> None:
    row = one(assessed(A, past("a", weight=2.0), present("a", shops=0.95), BY))
    assert not row["is_model"]
    assert "模型漂移" in row["decision"]
    drift = {one["feature_code"]: one["stability"] for one in json.loads(row["features"])}
    assert drift["has_merchant"] > BY.drift.hand_back > BY.drift.watch > drift["inflow_90d"]


def test_a_list_is_judged_on_its_own_rows_and_learns_from_others_of_the_outcome() -> None:
    rows = pa.concat_tables([past("a", weight=2.0), past("b", weight=0.0, seed=3)])
    a, b = assessed(pa.concat_tables([A, B]), rows, present("a", "b"), BY).to_pylist()
    assert (a["is_model"], b["is_model"]) == (True, False)
    assert a["learnt_rows"] == b["learnt_rows"] == 2 * ROWS * (BATCHES - 1)


def test_outcomes_that_were_not_known_yet_are_not_learnt_from() -> None:
    rows = past("a", weight=2.0)
    late = pa.array([day + timedelta(days=31) for day in rows["listed_date"].to_pylist()], pa.date32())
    row = one(assessed(A, put(rows, "known_date", late), present("a"), BY))
    assert row["learnt_rows"] == ROWS * (BATCHES - 2)


def test_history_that_began_too_late_is_left_out() -> None:
    rows = past("a", weight=2.0)
    unknown = pa.array([None] * (ROWS * 2) + [1.0] * (ROWS * 2), pa.float64())
    row = one(assessed(A, put(rows, "inflow_90d", unknown), present("a"), BY))
    assert set(COLUMNS) - set(json.loads(row["model"])["columns"]) == {"inflow_90d"}


def test_the_same_rows_in_any_order_give_the_same_model() -> None:
    rows, today = past("a", weight=2.0), present("a")
    shuffled = rows.take(pa.array(np.random.default_rng(5).permutation(rows.num_rows)))
    assert assessed(A, rows, today, BY).equals(assessed(A, shuffled, today, BY))


def test_a_prediction_names_what_moved_it() -> None:
    today = present("a")
    rows = assessed(pa.concat_tables([A, B]), past("a", weight=2.0), today, BY)
    told = predicted(rows, pa.concat_tables([today, present("b")]), BY)
    assert told["list_code"].to_pylist() == today["list_code"].to_pylist()
    assert told["customer_id"].to_pylist() == today["customer_id"].to_pylist()
    probability, reason = told["probability"].to_numpy(), told["reason"]
    shop = today["has_merchant"].to_numpy() == 1
    assert probability[shop].min() > probability[~shop].max()
    assert set(pc.starts_with(reason.filter(pa.array(shop)), "有收单商户(提高)、").to_pylist()) == {True}
    assert set(pc.starts_with(reason.filter(pa.array(~shop)), "无收单商户(降低)、").to_pylist()) == {True}
    assert abs(probability.mean() - 0.12) < 0.03


def test_the_interval_of_an_auc_gain_covers_none_where_there_is_none() -> None:
    random = np.random.default_rng(11)
    outside = 0
    for _ in range(200):
        success = random.random(400) < 0.2
        truth = success + random.normal(0, 2, 400)
        low, high, *_ = auc_gain(success, truth + random.normal(0, 1, 400), truth + random.normal(0, 1, 400), 0.95)
        outside += not low <= 0 <= high
    assert 2 <= outside <= 20


def test_auc_counts_pairs() -> None:
    success = np.array([True, False, True, False])
    *_, rule, model = auc_gain(success, np.array([0.2, 0.2, 0.1, 0.3]), np.array([0.9, 0.1, 0.4, 0.4]), 0.95)
    assert (rule, model) == (0.125, 0.875)


def test_stability_is_nothing_for_the_same_and_grows_with_the_shift() -> None:
    values = np.random.default_rng(3).normal(size=5000)
    assert stability(values, values, 10) == 0
    assert stability(values, values + 0.2, 10) < 0.1 < stability(values, values + 1.0, 10)
    assert stability(values, np.full(10, np.nan), 10) > 1


@pytest.mark.parametrize(
    "column", ["age", "gender", "customer_age", "primary_grid_id", "bureau_inquiries", "town_code"]
)
def test_protected_attributes_and_what_stands_for_them_do_not_load(column: str, tmp_path: Any) -> None:
    content = yaml.safe_load(RESPONSE_MODEL.read_text(encoding="utf-8"))
    content["features"][0]["column"] = column
    path = tmp_path / "response_model.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="take it out"):
        response_model(path)


def test_rows_of_another_outcome_than_the_list_has_now_say_nothing_of_it() -> None:
    renewed = pa.table({"list_code": ["a"], "outcome": ["renewed"]})
    row = one(assessed(renewed, past("a", weight=2.0), present("a"), BY))
    assert (row["past_rows"], row["is_model"]) == (0, False)
