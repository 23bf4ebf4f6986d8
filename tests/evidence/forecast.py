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
LEVELS = {"bank and branches": "'bank', 'branch'", "managers": "'manager'"}


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


def held_back(connection: duckdb.DuckDBPyConnection, ahead: int, levels: str) -> None:
    """Deposits and loans of the sample, forecast on each seventh day that has 20 days of history before it; the `ahead`
    days after it are hidden.
    """
    connection.execute(f"""
        create or replace temp table tested as
        with changes as (
            select *, value - lag(value) over history as moved_by
            from warehouse.intermediate.int_kpi__stock_day
            where measure_code in ('deposits', 'outstanding') and dimension in ({levels})
            window history as (partition by dimension, dimension_value, measure_code order by business_date)
        ),
        origins as (
            select last_day - {ahead} - cast(7 * weeks.week_number as integer) as origin
            from (select max(business_date) as last_day from changes), range(12) as weeks (week_number)
        )
        select
            max_by(past.value, past.business_date) as level, sum(past.moved_by) as total,
            sum(past.moved_by * past.moved_by) as squares, count(past.moved_by) as days,
            any_value(ended.value) as truth, {ahead} as ahead
        from origins
        inner join changes as past on past.business_date <= origins.origin
        inner join changes as ended
            on
                ended.business_date = origins.origin + {ahead} and past.dimension = ended.dimension
                and past.dimension_value = ended.dimension_value and past.measure_code = ended.measure_code
        group by origins.origin, past.dimension, past.dimension_value, past.measure_code
        having count(past.moved_by) >= 20 and stddev_samp(past.moved_by) > 0
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
            for who, levels in LEVELS.items():
                for ahead in HELD_BACK:
                    held_back(connection, ahead, levels)
                    for level in QUANTILES:
                        [(share, forecasts)] = connection.execute(covered_sql(level)).fetchall()
                        print(
                            f"sample, {who}, {ahead} days hidden: {level} % hold {share:.1%} of {forecasts:,} figures"
                        )
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
