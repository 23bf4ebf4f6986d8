"""After `make demo`: rows in = landed + quarantined everywhere, three dates published, six lists or more delivered."""

from qianmo.home import home_root
from tests.evidence import fail, reported


def main() -> None:
    said = reported(home_root())
    tables = rows = quarantined = 0
    for date, day in said["business_dates"].items():
        for name, table in day["tables"].items():
            if table["rows_in"] != table["rows_landed"] + table["rows_quarantined"]:
                fail(f"{name} of {date}: {table}")
            tables += 1
            rows += table["rows_in"]
            quarantined += table["rows_quarantined"]
    published = sorted({version["business_date"] for version in said["publications"]})
    delivered = {one["list_code"] for one in said["deliveries"] if one["rows"]}
    if len(published) < 3 or len(delivered) < 6:
        fail(f"published {published}, lists delivered {sorted(delivered)}")
    print(
        f"{tables} batches, {rows} rows in = {rows - quarantined} landed + {quarantined} quarantined; "
        f"{len(published)} dates published; {len(delivered)} lists delivered"
    )


if __name__ == "__main__":
    main()
