"""Every batch of a home, made again after later dates landed and without its delivery folder: byte for byte the same.

Without --home: a sample county runs three business dates. With --home: a finished installation, such as the demo's; its
delivery folder is moved aside meanwhile.
"""

import argparse
import os
from datetime import date, timedelta
from pathlib import Path

from delivery.replay import replay
from ingestion.bank import load_bank
from qianmo import ledger
from tests.evidence import PROJECT, empty_home, fail, must, qianmo

FIRST = date(2026, 9, 28)
DATES = 3


def report(home: Path) -> None:
    os.environ["QIANMO_HOME"] = str(home)
    bank = load_bank(PROJECT / "banks" / "sample")
    dates = {row["business_date"] for row in ledger.rows(bank.home, ledger.delivery)}
    batches = sorted({row["batch_id"] for row in ledger.rows(bank.home, ledger.delivery) if row["files"] != "{}"})
    if not batches or len(dates) < 2:
        fail(f"{len(batches)} batches of {len(dates)} dates were delivered: nothing to make again after a later date")
    aside = bank.home.delivery.with_name("delivery.aside")
    bank.home.delivery.rename(aside)
    try:
        made = [one for batch in batches for one in replay(bank, batch)]
    finally:
        aside.rename(bank.home.delivery)
    if different := [one.delivery_id for one in made if not one.same]:
        fail(f"{len(different)} of {len(made)} packages differ, such as {different[0]}")
    rows = sum(one.rows + one.removed_rows for one in made)
    print(
        f"{len(batches)} batches of {len(dates)} dates made again from what was frozen, after later data landed and"
        f" without the delivery folder: {len(made)} of {len(made)} packages ({rows:,} rows) byte-identical"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="0.001")
    parser.add_argument("--home", type=Path, help="a home with delivered lists of several dates")
    arguments = parser.parse_args()
    if arguments.home:
        report(arguments.home.resolve())
        return
    with empty_home() as home:
        days = [(FIRST + timedelta(days=number)).isoformat() for number in range(DATES)]
        must(qianmo(home, "sample", "generate", "--scale", arguments.scale, "--from", days[0], "--to", days[-1]))
        for day in days:
            must(qianmo(home, "run", "--date", day))
        report(home)


if __name__ == "__main__":
    main()
