"""Nobody has two primary grids; every level of the grid tree sums to the bank; old and new borders sum to the same.

Every additive figure, every published business date, from the marts of a home such as the finished demo's.
"""

import argparse
from pathlib import Path

import duckdb

from tests.evidence import fail, must, qianmo

FIGURES = (
    "households", "people", "filed", "evaluated", "whitelisted", "credited", "drawn", "merchants", "customers",
    "person_customers", "deposits", "outstanding",
)  # fmt: skip
SUMS = ", ".join(f"sum({figure})" for figure in FIGURES)


def checked(marts: str) -> str:
    """What holds in a published file, in one line; ends the script where something does not."""
    with duckdb.connect(marts, read_only=True) as connection:
        connection.execute("use marts")
        twice = connection.execute("""
            select count(*) from (
                select customer_id from fct_customer_grid
                where is_primary and valid_to is null
                group by legal_entity_code, customer_id
                having count(*) > 1
            )
        """).fetchall()[0][0]
        levels = connection.execute(
            f"select business_date, grid_level, {SUMS} from mart_grid_rollup group by all order by all"
        ).fetchall()
        borders = connection.execute(
            f"select business_date, change_id, borders, {SUMS} from mart_grid_restated group by all order by all"
        ).fetchall()
        [(customers,)] = connection.execute("select count(*) from mart_customer_360").fetchall()
        [(counted,)] = connection.execute(
            "select count(distinct customer_id) from (select customer_id from fct_customer_grid"
            " where is_primary and valid_to is null union all select customer_id from mart_customer_unassigned)"
        ).fetchall()
    if twice:
        fail(f"{twice} customers have two primary grids")
    if counted != customers:
        fail(f"{customers} customers, but {counted} in a primary grid or listed as unassigned")
    dates = {day for day, *_ in levels}
    for day in dates:
        if len({tuple(sums) for of, _, *sums in levels if of == day}) != 1:
            fail(f"{day}: the levels of the grid tree do not add up to the same")
    changes = {(day, change) for day, change, *_ in borders}
    for key in changes:
        sides = {side: tuple(sums) for day, change, side, *sums in borders if (day, change) == key}
        if sides.get("old") is None or sides.get("old") != sides.get("new"):
            fail(f"{key}: figures under old and new borders differ: {sides}")
    if not dates or not changes:
        fail("there is no date or no changed grid to look at")
    return (
        f"{customers:,} customers, none in two primary grids, each in one or listed as unassigned;"
        f" {len(levels)} levels and days with equal sums; {len(changes)} restated days equal under old and new borders;"
        f" {len(FIGURES)} figures each"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, required=True, help="QIANMO_HOME of a finished demo")
    print(checked(must(qianmo(options.parse_args().home.resolve(), "where", "marts")).stdout.strip()))


if __name__ == "__main__":
    main()
