"""When the response model takes a list over, on simulated listings whose truth is known.

Each run has four monthly batches of 900 rows with an outcome rate of about 10 %. Where there is nothing to learn, or
the rule knows all there is to know, the rule must stay; where the odds follow the length of the relation and a shop
(as strong as in the sample county), the model must take over, be calibrated, and hand back when customers change.
"""

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from qianmo.response_model import assessed, response_model
from tests.evidence import fail

RUNS = 50
BATCHES, ROWS = 4, 900
ODDS = -2.2
LENGTH, SHOP = 0.8, 0.9
FALSE_MOST, MISSED_MOST = 2, 2

BY = response_model()


def listings(random: np.random.Generator, size: int, shops: float = 0.3) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every feature without meaning, but years with the bank and a shop; and the log odds these two give."""
    features = {one.column: random.random(size) for one in BY.features}
    features["relation_years"] = random.gamma(2, 3, size)
    features["has_merchant"] = (random.random(size) < shops).astype(np.float64)
    length = np.log1p(features["relation_years"])
    return features, LENGTH * (length - 1.8) / 0.6 + SHOP * features["has_merchant"]


def run(seed: int, *, is_planted: bool, rule_knows: bool = False, shops_now: float = 0.3) -> dict[str, object]:
    """The row of the list after four batches, the last of which is held out."""
    random = np.random.default_rng(seed)
    size = BATCHES * ROWS
    features, odds = listings(random, size)
    probability = 1 / (1 + np.exp(-(ODDS + odds * is_planted)))
    listed = [date(2026, 1, 1) + timedelta(days=30 * (number // ROWS)) for number in range(size)]
    past = pa.table(
        {
            "list_code": ["l"] * size,
            "outcome": ["credited"] * size,
            "customer_id": [f"P{number:05}" for number in range(size)],
            "listed_date": listed,
            "known_date": [day + timedelta(days=21) for day in listed],
            "response_rule": probability if rule_knows else np.where(features["has_mobile_bank"] > 0.5, 0.12, 0.08),
            "value_amount": random.lognormal(7, 0.5, size),
            "is_success": random.random(size) < probability,
        }
        | features
    )
    present = pa.table({"list_code": ["l"] * 2000} | listings(random, 2000, shops_now)[0])
    [row] = assessed(pa.table({"list_code": ["l"], "outcome": ["credited"]}), past, present, BY).to_pylist()
    return dict(row)


def main() -> None:
    counts: dict[str, int] = {}
    for name, given, expected in (
        ("nothing to learn", {"is_planted": False}, False),
        ("the rule knows it all", {"is_planted": True, "rule_knows": True}, False),
        ("a planted response", {"is_planted": True}, True),
        ("customers have changed", {"is_planted": True, "shops_now": 0.95}, False),
    ):
        rows = [run(seed, **given) for seed in range(RUNS)]
        counts[name] = sum(row["is_model"] == expected for row in rows)
        print(f"{name:<24}{sum(bool(row['is_model']) for row in rows):>4} of {RUNS} taken over by the model")
        if name == "a planted response":
            gains = [row["model_auc"] - row["rule_auc"] for row in rows]
            bins = [one for row in rows for one in json.loads(row["calibration"])]
            gap = abs(sum(one["rows"] * (one["expected"] - one["seen"]) for one in bins)) / sum(o["rows"] for o in bins)
            print(f"{'':<24}AUC above the rule's by {np.mean(gains):.3f}; expected less seen share {gap:.4f}")
    wrong = {name: RUNS - right for name, right in counts.items()}
    if max(wrong["nothing to learn"], wrong["the rule knows it all"]) > FALSE_MOST:
        fail(f"the model took over where it is no better: {wrong}")
    if max(wrong["a planted response"], wrong["customers have changed"]) > MISSED_MOST or gap > 0.01:
        fail(f"the model missed what it should see: {wrong}, expected less seen share {gap:.4f}")
    print(
        f"{4 * RUNS} simulated lists: {wrong['nothing to learn'] + wrong['the rule knows it all']} false takeovers,"
        f" {counts['a planted response']} of {RUNS} planted responses found,"
        f" {counts['customers have changed']} of {RUNS} drifts handed back"
    )


if __name__ == "__main__":
    main()
