"""Another county's division lists run unchanged from generation to delivery, and its grids sum to its bank."""

import duckdb

from tests.evidence import empty_home, fail, must, qianmo, reported
from tests.evidence.grids import checked
from tests.second_county import CODE, DIVISIONS, NAME, bank_of_second_county

DATES = ("2026-09-28", "2026-09-29", "2026-09-30")


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
            [(towns, entity)] = connection.execute(
                "select count(distinct grid_id), min(legal_entity_code) from marts.mart_grid_rollup"
                " where grid_level = 'town' and grids > 0"
            ).fetchall()
        if entity != CODE or towns != 6 or not delivered:
            fail(f"legal entity {entity}, {towns} towns, {delivered} deliveries")
        print(f"{NAME} ({CODE}): {len(DATES)} dates run, {towns} towns, {delivered} deliveries; {checked(marts)}")


if __name__ == "__main__":
    main()
