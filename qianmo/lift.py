"""What a list brought about: differences between who was served and who was held back by chance, with intervals.

Everybody who was drawn counts in the group they were drawn into, whatever happened later (intention to treat). Rates
are shares of the rows enrolled, amounts yuan per row enrolled, differences served minus control.

The functions take numpy arrays and work on the last axis, so that a simulation of thousands of lists is one call.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
"""A sample is enough when the expected lift would be found so often (convention; our choice)."""
TUNED_TO_EVENTS = 30
"""The always-valid interval is narrowest, against the fixed one, when so many controls have reached the outcome."""
FEWEST_EVENTS = 5
"""Below so many reached rows in both groups together there is no interval that rests on the normal distribution."""
_BISECTIONS = 60
_DRAWS = 1999
_CLUSTER_BISECTIONS = 13
_FARTHEST_ERRORS = 12
"""An effect so many errors away that is not unlikely either: the clusters are too few for a limit."""


@dataclass(frozen=True)
class Difference:
    """Differences with their standard errors and intervals; NaN where a group is too small to tell.

    difference, low, high, error: of one shape. freedom: degrees of freedom of the error, infinite for proportions.
    """

    difference: Floats
    low: Floats
    high: Floats
    error: Floats
    freedom: Floats


def rate_difference(
    reached: ArrayLike, rows: ArrayLike, control_reached: ArrayLike, control_rows: ArrayLike
) -> Difference:
    """Difference of two independent proportions with the score interval of Miettinen and Nurminen (1985).

    It holds its level for the few per cent that lists reach and for a control group of a tenth, where Wald's does not.
    """
    y1, n1, y2, n2 = np.broadcast_arrays(
        *(np.asarray(a, dtype=float) for a in (reached, rows, control_reached, control_rows))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = y1 / n1, y2 / n2
        # one more of each kind: a group in which nobody reached the outcome is not known without error
        q1, q2 = (y1 + 1) / (n1 + 2), (y2 + 1) / (n2 + 2)
        error = np.sqrt(q1 * (1 - q1) / (n1 + 2) + q2 * (1 - q2) / (n2 + 2))
        difference = p1 - p2
        low = _score_limit(p1, n1, p2, n2, np.full_like(difference, -1.0))
        high = _score_limit(p1, n1, p2, n2, np.full_like(difference, 1.0))
    unknown = (n1 == 0) | (n2 == 0)
    difference, low, high, error = (np.where(unknown, np.nan, a) for a in (difference, low, high, error))
    return Difference(difference, low, high, error, np.full_like(error, np.inf))


def _score_limit(p1: Floats, n1: Floats, p2: Floats, n2: Floats, outer: Floats) -> Floats:
    """Where the score statistic reaches its critical value, between the difference seen and `outer`."""
    critical = stats.chi2.ppf(1 - ALPHA, 1)
    inner = p1 - p2
    for _ in range(_BISECTIONS):
        middle = (inner + outer) / 2
        inside = (p1 - p2 - middle) ** 2 <= critical * _restricted_variance(p1, n1, p2, n2, middle)
        inner, outer = np.where(inside, middle, inner), np.where(inside, outer, middle)
    return (inner + outer) / 2


def _restricted_variance(p1: Floats, n1: Floats, p2: Floats, n2: Floats, delta: Floats) -> Floats:
    """Of the difference, at the likeliest proportions that differ by delta (Farrington and Manning 1990, appendix)."""
    theta = n2 / n1
    a = 1 + theta
    b = -(1 + theta + p1 + theta * p2 + delta * (theta + 2))
    c = delta**2 + delta * (2 * p1 + theta + 1) + p1 + theta * p2
    d = -p1 * delta * (1 + delta)
    v = b**3 / (27 * a**3) - b * c / (6 * a**2) + d / (2 * a)
    u = np.where(v >= 0, 1.0, -1.0) * np.sqrt(np.maximum(b**2 / (9 * a**2) - c / (3 * a), 0))
    angle = (np.pi + np.arccos(np.clip(v / np.where(u == 0, 1.0, u**3), -1, 1))) / 3
    r1 = np.clip(2 * u * np.cos(angle) - b / (3 * a), 0, 1)
    r2 = np.clip(r1 - delta, 0, 1)
    total = n1 + n2
    variance: Floats = (r1 * (1 - r1) / n1 + r2 * (1 - r2) / n2) * total / (total - 1)
    return variance


def mean_difference(
    count: ArrayLike, total: ArrayLike, squares: ArrayLike,
    control_count: ArrayLike, control_total: ArrayLike, control_squares: ArrayLike,
) -> Difference:  # fmt: skip
    """Welch's difference of two means, from the number of rows, their sum and their sum of squares."""
    means, variances, freedoms = [], [], []
    for n, t, s in ((count, total, squares), (control_count, control_total, control_squares)):
        n, t, s = (np.asarray(a, dtype=float) for a in (n, t, s))
        with np.errstate(divide="ignore", invalid="ignore"):
            means.append(np.where(n > 1, t / n, np.nan))
            variances.append(np.where(n > 1, np.maximum(s - t**2 / n, 0) / (n - 1) / n, np.nan))
            freedoms.append(n - 1)
    return _between(*means, *variances, *freedoms)


def cluster_difference(reached: ArrayLike, rows: ArrayLike, is_served: ArrayLike) -> Difference:
    """Difference of two shares (or means) where whole clusters were drawn; one entry per cluster, which has rows.

    The share of a group is that of its rows. The interval holds every effect that drawing the clusters anew would not
    have made unlikely: a randomisation test, its statistic divided by the clustered error (CR2), inverted. It rests on
    the draw alone, so it is exact without an effect, and stays honest with ten control clusters of unequal size and
    rare outcomes, where Student's interval with any of the usual corrections covers 92 % instead of 95 (tests/evidence/
    lift_simulation.py). The draws follow from the sizes of the clusters: the same clusters in the same order give the
    same interval. NaN where there are too few to tell.
    """
    y, n = np.asarray(reached, dtype=float), np.asarray(rows, dtype=float)
    served = np.asarray(is_served, dtype=bool)
    nothing = np.full((), np.nan)
    if served.sum() < 2 or (~served).sum() < 2:
        return Difference(nothing, nothing, nothing, nothing, nothing)
    actual = served[None, :].astype(float)
    drawn = _Draws(n, (actual, 1 - actual))
    difference, error = (float(a[0]) for a in drawn.studentised(y))
    order = np.random.default_rng(n.astype(int).tolist()).random((_DRAWS, len(n))).argsort(axis=1)
    anew = (order < served.sum()).astype(float)
    others = _Draws(n, (anew, 1 - anew))

    def is_likely(effect: float) -> bool:
        without = y - effect * n * served
        (seen, spread), (differences, spreads) = drawn.studentised(without), others.studentised(without)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic, drawn_anew = (seen / spread)[0], np.nan_to_num(differences / spreads)
        tail = min((drawn_anew >= statistic).sum(), (drawn_anew <= statistic).sum())
        return bool(2 * (tail + 1) / (_DRAWS + 1) > ALPHA)

    limits = []
    for outwards in (-1, 1):
        inner, outer = difference, difference + outwards * _FARTHEST_ERRORS * error
        if is_likely(outer):
            limits.append(np.nan)
            continue
        for _ in range(_CLUSTER_BISECTIONS):
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if is_likely(middle) else (inner, middle)
        limits.append((inner + outer) / 2)
    freedom = min(served.sum(), (~served).sum()) - 1
    return Difference(*(np.asarray(a) for a in (difference, *limits, error, float(freedom))))


@dataclass(frozen=True)
class _Draws:
    """Ways to draw the served clusters, one a row; what does not depend on the outcomes is worked out once."""

    rows: Floats
    groups: tuple[Floats, Floats]
    """Served and control, 1 where a cluster belongs."""

    @cached_property
    def totals(self) -> list[Floats]:
        return [group @ self.rows for group in self.groups]

    @cached_property
    def weights(self) -> list[Floats]:
        """Of the squared residuals: a cluster takes part of the residual that it causes itself (CR2)."""
        return [
            group / np.maximum(1 - self.rows / total[:, None], 1e-12)
            for group, total in zip(self.groups, self.totals, strict=True)
        ]

    def studentised(self, y: Floats) -> tuple[Floats, Floats]:
        """Differences of the two shares and their CR2 errors (Bell and McCaffrey 2002), one for each draw."""
        shares, variance = [], np.zeros(len(self.totals[0]))
        for group, total, weight in zip(self.groups, self.totals, self.weights, strict=True):
            share = (group @ y) / total
            squares = weight @ y**2 - 2 * share * (weight @ (y * self.rows)) + share**2 * (weight @ self.rows**2)
            variance += np.maximum(squares, 0) / total**2
            shares.append(share)
        return shares[0] - shares[1], np.sqrt(variance)


def _between(m1: Floats, m2: Floats, v1: Floats, v2: Floats, f1: Floats, f2: Floats) -> Difference:
    """Two groups with their own variances: Welch's and Satterthwaite's degrees of freedom."""
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (v1 + v2) ** 2 / (v1**2 / f1 + v2**2 / f2)
    error = np.sqrt(v1 + v2)
    margin = stats.t.ppf(1 - ALPHA / 2, freedom) * error
    return Difference(m1 - m2, m1 - m2 - margin, m1 - m2 + margin, error, freedom)


def always_valid(found: Difference, control_events: ArrayLike) -> Difference:
    """The same differences with intervals that hold at every look together, however often and whenever one looks.

    Robbins' normal mixture, as the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas
    (2024, Time-uniform central limit theory and asymptotic confidence sequences, theorem 2.2): the fixed interval's
    1.96 becomes sqrt((1 + r) log((1 + 1/r) / alpha^2)), where r is what the mixture is tuned to over the information so
    far. Outcomes come in while a window is open, so the information is the number of controls that reached the outcome;
    r is 1 over the number that is tuned to, by the same paper's optimum. Where the error has few degrees of freedom the
    margin grows as Student's does.

    It is shown while any window is open. A list that takes customers every day is never closed, and daily looks at its
    finished rows would be looks all the same; the fixed interval is for cohorts whose every window is over.
    """
    tuned = TUNED_TO_EVENTS / (-2 * np.log(ALPHA) + np.log(-2 * np.log(ALPHA) + 1))
    events = np.maximum(np.asarray(control_events, dtype=float), 1.0)
    ratio = tuned / events
    wider = np.sqrt((1 + ratio) * np.log((1 + 1 / ratio) / ALPHA**2))
    student = stats.t.ppf(1 - ALPHA / 2, found.freedom) / stats.norm.ppf(1 - ALPHA / 2)
    margin = wider * student * found.error
    return replace(found, low=found.difference - margin, high=found.difference + margin)


def design_effect(rows_per_cluster: ArrayLike, intracluster: float) -> Floats:
    """How much larger a sample of whole clusters must be (Eldridge, Ashby and Kerry 2006, for unequal sizes)."""
    n = np.asarray(rows_per_cluster, dtype=float)
    return np.asarray(1 + ((n**2).sum(axis=-1) / n.sum(axis=-1) - 1) * intracluster)


def required_rows(
    base_rate: ArrayLike, expected_lift: ArrayLike, control_share: ArrayLike, effect: ArrayLike = 1.0
) -> Floats:
    """Rows, served and control together, of which the expected lift would be found with `POWER` at `ALPHA`.

    Cohen's normal approximation on arcsines (1988, 6.3), as statsmodels' NormalIndPower has it.

    Args:
        base_rate: share of controls that reach the outcome. expected_lift: how many more of the served, absolute.
        control_share: of all rows, above 0 and below 1.
        effect: `design_effect` where whole clusters are drawn.
    """
    share = np.asarray(control_share, dtype=float)
    needed = ((stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)) / _effect_size(base_rate, expected_lift)) ** 2
    return np.asarray(np.ceil(needed / (share * (1 - share)) * np.asarray(effect, dtype=float)))


def power(
    rows: ArrayLike, base_rate: ArrayLike, expected_lift: ArrayLike, control_share: ArrayLike, effect: ArrayLike = 1.0
) -> Floats:
    """How likely the expected lift is found among so many rows; arguments as of `required_rows`."""
    share, n = np.asarray(control_share, dtype=float), np.asarray(rows, dtype=float)
    shift = _effect_size(base_rate, expected_lift) * np.sqrt(n * share * (1 - share) / np.asarray(effect, dtype=float))
    critical = stats.norm.ppf(1 - ALPHA / 2)
    return np.asarray(stats.norm.sf(critical - shift) + stats.norm.cdf(-critical - shift))


def _effect_size(base_rate: ArrayLike, expected_lift: ArrayLike) -> Floats:
    base = np.asarray(base_rate, dtype=float)
    served = np.clip(base + np.asarray(expected_lift, dtype=float), 0, 1)
    return np.asarray(2 * np.arcsin(np.sqrt(served)) - 2 * np.arcsin(np.sqrt(np.clip(base, 0, 1))))


def verdict(
    low: ArrayLike, high: ArrayLike, is_open: ArrayLike, rows: ArrayLike, required: ArrayLike
) -> NDArray[np.str_]:
    """What may be said on this day: lift, negative, watching, too_few or none (value label lift_verdict).

    An interval that excludes zero speaks whatever the sample; without one the sample is judged once the windows are
    over. `required` is NaN where nothing was expected beforehand.
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    is_small = np.isnan(low) | (np.asarray(rows, dtype=float) < np.asarray(required, dtype=float))
    return np.select(
        [low > 0, high < 0, np.asarray(is_open, dtype=bool), is_small],
        ["lift", "negative", "watching", "too_few"],
        "none",
    )
