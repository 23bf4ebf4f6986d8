"""The lift of every list at every look, from counts of served and control rows: the model int_list__lift."""

from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy import stats

from qianmo.lift import (
    ALPHA,
    FEWEST_EVENTS,
    Difference,
    always_valid,
    cluster_difference,
    design_effect,
    mean_difference,
    power,
    rate_difference,
    required_rows,
    verdict,
)

INTRACLUSTER = 0.02
"""Share of the variance that lies between villages: what is stated beforehand for lists drawn by whole grids. Ours: the
seeds give none; 0.01 to 0.05 is usual where neighbours are asked (Adams et al. 2004)."""

_NUMBERS = (
    "served_rate", "control_rate", "lift", "lift_low", "lift_high", "lift_error", "amount_lift", "amount_low",
    "amount_high", "base_rate", "expected_lift", "required_rows", "power", "contact_cost", "incremental",
    "incremental_low", "incremental_high", "incremental_amount", "incremental_amount_low", "incremental_amount_high",
    "cost_per_incremental", "cost_per_incremental_low", "cost_per_incremental_high",
)  # fmt: skip
LIFT = pa.schema(
    [
        ("legal_entity_code", pa.string()),
        ("look_date", pa.date32()),
        ("origin", pa.string()),
        ("scope", pa.string()),
        ("list_code", pa.string()),
        ("batch_id", pa.string()),
        ("outcome", pa.string()),
        ("window_days", pa.int64()),
        ("is_open", pa.bool_()),
        ("interval_kind", pa.string()),
        ("clusters", pa.int64()),
        ("served_rows", pa.int64()),
        ("control_rows", pa.int64()),
        ("served_reached", pa.int64()),
        ("control_reached", pa.int64()),
        *((name, pa.float64()) for name in _NUMBERS),
        ("lift_verdict", pa.string()),
    ]
)
"""One row per look, origin and list (scope list), batch (scope batch) or all lists with one outcome (scope all)."""

_GROUPS = """
select
    legal_entity_code, look_date, origin, list_code, batch_id, outcome, window_days,
    max(expected_lift) as expected_lift,
    sum(expected_reached) / nullif(sum(enrolled_rows) filter (expected_reached is not null), 0) as expected_rate,
    bool_or(is_open) as is_open,
    count(distinct cluster_code) filter (cluster_code <> 'customers') as clusters,
    coalesce(sum(enrolled_rows) filter (not is_control), 0)::bigint as served_rows,
    coalesce(sum(enrolled_rows) filter (is_control), 0)::bigint as control_rows,
    coalesce(sum(reached_rows) filter (not is_control), 0)::bigint as served_reached,
    coalesce(sum(reached_rows) filter (is_control), 0)::bigint as control_reached,
    coalesce(sum(amount) filter (not is_control), 0)::double as served_amount,
    coalesce(sum(amount) filter (is_control), 0)::double as control_amount,
    coalesce(sum(amount_squares) filter (not is_control), 0)::double as served_squares,
    coalesce(sum(amount_squares) filter (is_control), 0)::double as control_squares,
    sum(contact_cost)::double as contact_cost,
    list(enrolled_rows::double order by is_control, cluster_code) as cluster_rows,
    list(reached_rows::double order by is_control, cluster_code) as cluster_reached,
    list(amount::double order by is_control, cluster_code) as cluster_amounts,
    list(not is_control order by is_control, cluster_code) as cluster_is_served
from looks
group by legal_entity_code, look_date, origin, list_code, batch_id, outcome, window_days
order by legal_entity_code, look_date, origin, list_code, batch_id, outcome, window_days
"""


def lift(looks: pa.Table) -> pa.Table:
    """Estimate every group of the looks.

    Args:
        looks: rows of int_list__look.

    Returns:
        Rows of `LIFT`.
    """
    if not looks.num_rows:
        return LIFT.empty_table()
    with duckdb.connect() as connection:
        connection.register("looks", looks)
        groups = connection.execute(_GROUPS).to_arrow_table()
    columns = _columns(groups)
    rates, amounts = _differences(columns)
    is_open = columns["is_open"]
    rates = _while_open(rates, is_open, columns["control_reached"])
    amounts = _while_open(amounts, is_open, columns["control_reached"])
    has_events = columns["served_reached"] + columns["control_reached"] >= FEWEST_EVENTS
    # The score interval needs no normal distribution; the others are silent until there is something to tell from.
    rates = _kept(rates, has_events | (~is_open & (columns["clusters"] == 0)))
    amounts = _kept(amounts, has_events)
    listed = columns | {"scope": np.where(columns["batch_id"] == "all", "list", "batch")}
    listed |= _planned(columns)
    tables = [_told(listed, rates, amounts)]
    tables += [_told(*_together(listed, rates, amounts, rows)) for rows in _whole_outcomes(listed, rates)]
    return pa.concat_tables(tables)


def _columns(groups: pa.Table) -> dict[str, Any]:
    return {name: groups[name].to_numpy(zero_copy_only=False) for name in groups.column_names}


def _differences(columns: dict[str, Any]) -> tuple[Difference, Difference]:
    """Of rates and of amounts; groups whose clusters were drawn are worked out one by one."""
    rates = rate_difference(*(columns[n] for n in ("served_reached", "served_rows", "control_reached", "control_rows")))
    amounts = mean_difference(
        *(columns[n] for n in ("served_rows", "served_amount", "served_squares")),
        *(columns[n] for n in ("control_rows", "control_amount", "control_squares")),
    )
    for at in np.flatnonzero(columns["clusters"]):
        rows, served = columns["cluster_rows"][at], columns["cluster_is_served"][at]
        for found, sums in ((rates, "cluster_reached"), (amounts, "cluster_amounts")):
            one = cluster_difference(columns[sums][at], rows, served)
            for name in ("difference", "low", "high", "error", "freedom"):
                getattr(found, name)[at] = getattr(one, name)
    return rates, amounts


def _while_open(found: Difference, is_open: Any, control_events: Any) -> Difference:
    wide = always_valid(found, control_events)
    return replace(found, low=np.where(is_open, wide.low, found.low), high=np.where(is_open, wide.high, found.high))


def _kept(found: Difference, is_kept: Any) -> Difference:
    return replace(found, low=np.where(is_kept, found.low, np.nan), high=np.where(is_kept, found.high, np.nan))


def _planned(columns: dict[str, Any]) -> dict[str, Any]:
    """What was to be expected, stated before any outcome where the list has a rule of response."""
    rows = columns["served_rows"] + columns["control_rows"]
    with np.errstate(divide="ignore", invalid="ignore"):
        control_rate = columns["control_reached"] / columns["control_rows"]
        base = columns["expected_rate"] - columns["expected_lift"]
        base = np.where(np.isnan(columns["expected_rate"]), control_rate, np.maximum(base, 0.001))
        share = columns["control_rows"] / rows
        effect = np.ones(len(rows))
        for at in np.flatnonzero(columns["clusters"]):
            effect[at] = design_effect(columns["cluster_rows"][at], INTRACLUSTER)
        return {
            "base_rate": base,
            "required_rows": required_rows(base, columns["expected_lift"], share, effect),
            "power": power(rows, base, columns["expected_lift"], share, effect),
        }


def _whole_outcomes(listed: dict[str, Any], rates: Difference) -> list[Any]:
    """Positions of the lists that bring the same outcome, look by look, where there are several.

    A list of which nobody was served, or nobody held back, says nothing of its effect and is left out.
    """
    together: dict[tuple[str, date, str, str], list[int]] = {}
    for at in np.flatnonzero((listed["scope"] == "list") & ~np.isnan(rates.error)):
        key = (listed["legal_entity_code"][at], listed["look_date"][at], listed["origin"][at], listed["outcome"][at])
        together.setdefault(key, []).append(int(at))
    return [np.array(rows) for rows in together.values() if len(rows) > 1]


def _together(
    listed: dict[str, Any], rates: Difference, amounts: Difference, rows: Any
) -> tuple[dict[str, Any], Difference, Difference]:
    """All lists of an outcome: what they brought together, a mean of their differences by the rows served.

    Lists hold back different shares of different customers: adding up their rows would compare groups that no draw made
    alike, and weights by precision would answer for another mixture of lists than the one that went out.
    """
    served = listed["served_rows"][rows].astype(float)

    def summed(found: Difference) -> Difference:
        weights = served / max(served.sum(), 1)
        difference = np.array([(weights * found.difference[rows]).sum()])
        error = np.array([np.sqrt(((weights * found.error[rows]) ** 2).sum())])
        margin = stats.norm.ppf(1 - ALPHA / 2) * error
        return Difference(difference, difference - margin, difference + margin, error, np.array([np.inf]))

    at = rows[0]
    same = ("legal_entity_code", "look_date", "origin", "outcome")
    one = {name: listed[name][[at]] for name in same}
    one |= {"scope": np.array(["all"]), "list_code": np.array(["all"]), "batch_id": np.array(["all"])}
    one |= {"window_days": listed["window_days"][rows].max(keepdims=True)}
    one |= {"is_open": listed["is_open"][rows].any(keepdims=True)}
    counts = ("clusters", "served_rows", "control_rows", "served_reached", "control_reached", "contact_cost")
    one |= {name: listed[name][rows].sum(keepdims=True) for name in counts}
    one |= {name: np.array([np.nan]) for name in ("base_rate", "expected_lift", "required_rows", "power")}
    whole = [_while_open(summed(found), one["is_open"], one["control_reached"]) for found in (rates, amounts)]
    return one, whole[0], whole[1]


def _told(columns: dict[str, Any], rates: Difference, amounts: Difference) -> pa.Table:
    """Rows of `LIFT`."""
    # The share of nobody and that of everybody are 100 points apart; an interval of a few rows may say more.
    rates = replace(rates, low=np.maximum(rates.low, -1), high=np.minimum(rates.high, 1))
    rows = columns["served_rows"] + columns["control_rows"]
    served = columns["served_rows"].astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_incremental = {
            name: np.where(limit > 0, columns["contact_cost"] / (limit * served), np.nan)
            for name, limit in (
                ("cost_per_incremental", rates.difference),
                ("cost_per_incremental_low", rates.high),
                ("cost_per_incremental_high", rates.low),
            )
        }
        found = columns | per_incremental | {
            "served_rate": columns["served_reached"] / served,
            "control_rate": columns["control_reached"] / columns["control_rows"],
        }  # fmt: skip
    found |= {
        "interval_kind": np.where(columns["is_open"], "always_valid", "fixed"),
        "lift": rates.difference,
        "lift_low": rates.low,
        "lift_high": rates.high,
        "lift_error": rates.error,
        "amount_lift": amounts.difference,
        "amount_low": amounts.low,
        "amount_high": amounts.high,
        "incremental": rates.difference * served,
        "incremental_low": rates.low * served,
        "incremental_high": rates.high * served,
        "incremental_amount": amounts.difference * served,
        "incremental_amount_low": amounts.low * served,
        "incremental_amount_high": amounts.high * served,
        "lift_verdict": verdict(rates.low, rates.high, columns["is_open"], rows, columns["required_rows"]),
    }
    return pa.table(
        {field.name: pa.array(found[field.name], field.type, from_pandas=True) for field in LIFT}, schema=LIFT
    )
