"""A real bank through the unchanged pipeline: PKDD'99 counts, none lost, and tags, funnel, grids and lists come out."""

import duckdb

from tests.evidence import empty_home, fail, must, qianmo, reported

BANK = "banks/berka"
DATE = "1998-12-31"
EXPECTED_ROWS = {
    "core.customer": 5369,
    "core.account": 4500,
    "core.transaction": 30200,
    "credit.credit_line": 682,
    "credit.loan": 682,
}
EXPECTED_LOANS = {"A": 203, "B": 31, "C": 403, "D": 45}


def main() -> None:
    with empty_home() as home:
        print(must(qianmo(home, "run", "--date", DATE, bank=BANK)).stdout)
        landed = reported(home, BANK)["business_dates"][DATE]["tables"]
        for table, rows in EXPECTED_ROWS.items():
            found = landed[table]
            if (found["rows_in"], found["rows_landed"], found["rows_quarantined"]) != (rows, rows, 0):
                fail(f"{table}: expected {rows} rows in and landed, found {found}")
        with duckdb.connect() as connection:
            loans = dict(
                connection.execute(
                    "select source_status, count(*) from read_parquet(?) group by all",
                    [f"{home}/berka/landing/credit/loan/{DATE}.parquet"],
                ).fetchall()
            )
        if loans != EXPECTED_LOANS:
            fail(f"loans by status: expected {EXPECTED_LOANS}, found {loans}")
        marts = must(qianmo(home, "where", "marts", bank=BANK)).stdout.strip()
        with duckdb.connect(marts, read_only=True) as connection:
            counts = {
                what: connection.execute(query).fetchall()[0][0]
                for what, query in {
                    "tags in use": "select count(distinct tag_code) from marts.fct_customer_tag",
                    "funnel events": "select count(*) from marts.fct_funnel_event",
                    "districts": "select count(distinct grid_id) from marts.mart_grid where grid_type = 'district'",
                    "lists": "select count(distinct list_code) from marts.mart_marketing_list where not is_holdout",
                }.items()
            }
        if counts["districts"] != 77 or counts["lists"] < 2 or not counts["tags in use"] or not counts["funnel events"]:
            fail(f"marts: {counts}")
        print(f"{EXPECTED_ROWS} landed, none lost; loans {loans}; {counts}")


if __name__ == "__main__":
    main()
