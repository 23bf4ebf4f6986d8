"""Intervals of the forecast of targets cover as often as they say: on simulated random walks with drift, and on the
daily history that the sample county's own forecasts are made from.

Both use the SQL of the warehouse, the macros of `drift_forecast.sql`.
"""

import argparse
from pathlib import Path

import duckdb
import numpy as np
from jinja2 import Environment

from tests.evidence import PROJECT, fail, must, qianmo

MACROS = PROJECT / "dbt_project" / "macros" / "drift_forecast.sql"
QUANTILES = {80: "1.2816", 95: "1.96"}
WALKS, DAYS, SEED = 20_000, 91, 20211231
"""Simulated walks, and the days of history that each forecast sees: as many as the warehouse keeps."""
AHEAD = (1, 30, 92)
BOUNDS = {80: (0.78, 0.82), 95: (0.93, 0.97)}
HELD_BACK = (7, 30)
"""Days of the sample's history that a back-test hides."""


def covered_sql(level: int) -> str:
    """Share of the rows of `tested` (level, total, squares, days, ahead, truth) whose interval holds the truth."""
    macros = Environment(autoescape=False).from_string(MACROS.read_text(encoding="utf-8")).module
    mean = macros.drift_mean("total", "days")
    deviation = macros.drift_deviation("total", "squares", "days", "days")
    forecast = macros.drift_forecast("level", "mean_change", "ahead")
    margin = macros.drift_margin("deviation", "days", "ahead", QUANTILES[level])
    return (
        f"select avg(if(abs(truth - ({forecast})) <= {margin}, 1.0, 0.0)), count(*)"
        f" from (select *, {mean} as mean_change, {deviation} as deviation from tested)"
    )


def simulated(connection: duckdb.DuckDBPyConnection, ahead: int) -> None:
    """Walks with drift 0.3 and deviation 2 a day, `DAYS` changes of history and `ahead` days after them."""
    random = np.random.default_rng(SEED + ahead)
    changes = random.normal(0.3, 2.0, (WALKS, DAYS + ahead))
    past = changes[:, :DAYS]
    columns = {
        "level": past.sum(axis=1),
        "total": past.sum(axis=1),
        "squares": (past**2).sum(axis=1),
        "truth": changes.sum(axis=1),
    }
    connection.register("walks", columns)
    connection.execute(f"create or replace temp table tested as select *, {DAYS} as days, {ahead} as ahead from walks")


def held_back(connection: duckdb.DuckDBPyConnection, ahead: int) -> None:
    """Deposits and loans of every organisation of the sample: the last `ahead` days are hidden and forecast."""
    connection.execute(f"""
        create or replace temp table tested as
        with changes as (
            select *,
                value - lag(value) over history as change,
                max(business_date) over history_all - {ahead} as cut,
                max_by(value, business_date) over history_all as truth
            from warehouse.intermediate.int_kpi__stock_day
            where measure_code in ('deposits', 'outstanding')
            window
                history as (partition by dimension, dimension_value, measure_code order by business_date),
                history_all as (partition by dimension, dimension_value, measure_code)
        )
        select
            max_by(value, business_date) as level, sum(change) as total, sum(change * change) as squares,
            count(change) as days, any_value(truth) as truth, {ahead} as ahead
        from changes
        where business_date <= cut
        group by dimension, dimension_value, measure_code
        having count(change) >= 20 and stddev_samp(change) > 0
    """)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, help="QIANMO_HOME of a finished demo, for the back-test on its history")
    home: Path | None = options.parse_args().home
    shares: dict[int, list[float]] = {level: [] for level in QUANTILES}
    with duckdb.connect() as connection:
        if home is not None:
            data = must(qianmo(home.resolve(), "where", "home")).stdout.strip()
            connection.execute(f"attach '{data}/warehouse/warehouse.duckdb' as warehouse (read_only)")
            for ahead in HELD_BACK:
                held_back(connection, ahead)
                for level in QUANTILES:
                    [(share, forecasts)] = connection.execute(covered_sql(level)).fetchall()
                    print(f"sample, {ahead} days hidden: {level} % intervals hold {share:.1%} of {forecasts} figures")
        for ahead in AHEAD:
            simulated(connection, ahead)
            for level in QUANTILES:
                [(share, _)] = connection.execute(covered_sql(level)).fetchall()
                shares[level].append(share)
                print(f"simulated, {ahead} days ahead: {level} % intervals hold {share:.2%} of {WALKS:,} walks")
    for level, found in shares.items():
        low, high = BOUNDS[level]
        if not all(low <= share <= high for share in found):
            fail(f"{level} % intervals hold {min(found):.2%} to {max(found):.2%}, not within {low:.0%} to {high:.0%}")
    print(f"95 % intervals hold {min(shares[95]):.2%} to {max(shares[95]):.2%}, 80 % {min(shares[80]):.2%} to "
          f"{max(shares[80]):.2%}, over {WALKS:,} simulated walks each 1, 30 and 92 days ahead")  # fmt: skip


if __name__ == "__main__":
    main()
