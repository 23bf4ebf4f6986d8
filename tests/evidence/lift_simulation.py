"""The intervals of lists' lift, held against lists whose effect is known because it is made up here.

A/A runs have no effect: the share that seems to have one is the false positives. Planted runs have one: the share whose
interval holds it is the coverage. Once for customers drawn one by one (control a quarter, as in the sample county's
batches), once for whole villages of unequal size that differ in how they respond (45 served, 15 held back). Peeking
looks at every day of a window of 60 and counts a list that seemed to work on any of them.

A share of 500 runs is known to two points only: with another seed it may be 3.6 or 6.2 % although the interval is
right, so the same is told of 20,000 runs of customers and of 4,000 of villages (some four minutes in all).
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qianmo.lift import FEWEST_EVENTS, Difference, always_valid, cluster_difference, rate_difference
from tests.evidence import fail

BASE, EFFECT = 0.06, 0.03
SERVED, CONTROL = 871, 290
VILLAGES, HELD = 60, 15
INTRACLUSTER = 0.03
DAYS = 60
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """How many of the runs."""

    name: str
    count: int
    runs: int
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.name:<58}{self.count:>7,} of {self.runs:>7,} {self.share:>8.2%}"

    @property
    def share(self) -> float:
        return self.count / self.runs

    @property
    def is_short(self) -> bool:
        return not self.least <= self.share <= self.most


def holds(found: Difference, effect: float) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (found.low <= effect) & (effect <= found.high)
    return inside


def one_by_one(random: np.random.Generator, runs: int, effect: float) -> int:
    """Of so many lists drawn by customers, how many intervals hold the effect."""
    reached = random.binomial(SERVED, BASE + effect, runs), random.binomial(CONTROL, BASE, runs)
    return int(holds(rate_difference(reached[0], SERVED, reached[1], CONTROL), effect).sum())


def by_village(random: np.random.Generator, runs: int, effect: float) -> int:
    is_served = np.arange(VILLAGES) >= HELD
    spread = (1 - INTRACLUSTER) / INTRACLUSTER
    found = 0
    for _ in range(runs):
        rows = np.maximum(2, random.lognormal(2.8, 0.6, VILLAGES)).astype(int)
        rate = BASE + effect * is_served
        reached = random.binomial(rows, random.beta(rate * spread, (1 - rate) * spread))
        found += bool(holds(cluster_difference(reached, rows, is_served), effect))
    return found


def peeking(random: np.random.Generator, runs: int) -> tuple[int, int]:
    """Of so many lists without effect, how many seem to have one on some day: fixed interval, always-valid one."""

    def days(rows: int) -> NDArray[np.int64]:
        reached = random.multinomial(random.binomial(rows, BASE, runs), np.full(DAYS, 1 / DAYS))
        return np.asarray(reached.cumsum(axis=1))

    served, control = days(SERVED), days(CONTROL)
    fixed = rate_difference(served, SERVED, control, CONTROL)
    enough = served + control >= FEWEST_EVENTS
    misses = (~holds(found, 0.0) & enough for found in (fixed, always_valid(fixed, control)))
    naive, valid = (int(missed.any(axis=1).sum()) for missed in misses)
    return naive, valid


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=500)
    options.add_argument("--many", type=int, default=20_000, help="more runs: of customers; a fifth of villages")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    runs, many, villages = given.runs, given.many, given.many // 5
    random = np.random.default_rng(given.seed)
    shares = [
        Share("A/A, customers: false positives", runs - one_by_one(random, runs, 0), runs, 0.04, 0.06),
        Share("A/A, customers, more runs: false positives", many - one_by_one(random, many, 0), many, 0.04, 0.06),
        Share("A/A, villages: false positives", runs - by_village(random, runs, 0), runs, 0.04, 0.06),
        Share("planted 3 points, customers: covered", one_by_one(random, runs, EFFECT), runs, 0.93, 0.97),
        Share("planted 3 points, customers, more runs: covered", one_by_one(random, many, EFFECT), many, 0.93, 0.97),
        Share("planted 3 points, villages: covered", by_village(random, runs, EFFECT), runs, 0.93, 0.97),
    ]
    naive, valid = peeking(random, many // 10)
    shares += [
        Share(
            "A/A, villages, more runs: false positives",
            villages - by_village(random, villages, 0),
            villages,
            0.04,
            0.06,
        ),
        Share(
            "planted 3 points, villages, more runs: covered", by_village(random, villages, EFFECT), villages, 0.93, 0.97
        ),
        Share(f"A/A, looked at on {DAYS} days, fixed interval: ever wrong", naive, many // 10, 0.0, 1.0),
        Share(f"A/A, looked at on {DAYS} days, always-valid: ever wrong", valid, many // 10, 0.0, 0.05),
    ]
    for share in shares:
        print(share)
    if short := [share.name for share in shares if share.is_short]:
        fail("; ".join(short))
    print(
        f"false positives at 5 %: {shares[0].share:.1%} by customer, {shares[2].share:.1%} by village;"
        f" coverage {shares[3].share:.1%} and {shares[5].share:.1%};"
        f" daily looks {valid / (many // 10):.1%} instead of {naive / (many // 10):.1%}"
    )


if __name__ == "__main__":
    main()
