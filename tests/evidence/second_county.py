"""Another county's division lists run unchanged from generation to delivery, and its grids sum to its bank."""

import duckdb

from tests.evidence import empty_home, fail, must, qianmo, reported
from tests.second_county import CODE, DIVISIONS, NAME, bank_of_second_county

DATES = ("2026-09-28", "2026-09-29", "2026-09-30")
SUMS = "sum(people), sum(households), sum(customers), sum(credited), sum(deposits), sum(outstanding)"


def main() -> None:
    with empty_home() as home:
        bank = str(bank_of_second_county(home).folder)
        made = ["--divisions", str(DIVISIONS), "--county-name", NAME, "--scale", "0.001"]
        must(qianmo(home, "sample", "generate", *made, "--from", DATES[0], "--to", DATES[-1]))
        for day in DATES:
            must(qianmo(home, "run", "--date", day, bank=bank))
        delivered = len(reported(home, bank)["deliveries"])
        marts = must(qianmo(home, "where", "marts", bank=bank)).stdout.strip()
        with duckdb.connect(marts, read_only=True) as connection:
            levels = connection.execute(
                f"select grid_level, {SUMS} from marts.mart_grid_rollup where business_date = ?"
                " group by all order by all",
                [DATES[-1]],
            ).fetchall()
            [(towns, entity)] = connection.execute(
                "select count(distinct grid_id), min(legal_entity_code) from marts.mart_grid_rollup"
                " where grid_level = 'town' and grids > 0"
            ).fetchall()
            changes = connection.execute(
                "select change_kind, business_date, sum(deposits) filter (where borders = 'old'),"
                " sum(deposits) filter (where borders = 'new') from marts.mart_grid_restated group by all order by all"
            ).fetchall()
        if entity != CODE or towns != 6 or not delivered:
            fail(f"legal entity {entity}, {towns} towns, {delivered} deliveries")
        if len({tuple(sums) for _, *sums in levels}) != 1:
            fail(f"the levels of the grid tree do not add up to the same: {levels}")
        if len(changes) != 9 or any(old != new for _, _, old, new in changes):
            fail(f"restated deposits differ: {changes}")
        print(
            f"{NAME} ({CODE}): {len(DATES)} dates run, {towns} towns, {len(levels)} levels with equal sums"
            f" {levels[0][1:]}, {len(changes)} restated days equal under old and new borders, {delivered} deliveries"
        )


if __name__ == "__main__":
    main()
