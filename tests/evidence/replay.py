"""Every batch of a home, made again after later dates landed and without its delivery folder: byte for byte the same.

Without --home: a sample county runs three business dates. With --home: a finished installation, such as the demo's; its
delivery folder is moved aside meanwhile.
"""

import os
from pathlib import Path

from delivery.replay import replay
from ingestion.bank import load_bank
from qianmo import ledger
from tests.evidence import PROJECT, fail, on_county

DATES = ("2026-09-28", "2026-09-29", "2026-09-30")


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
    on_county(__doc__, "0.001", "some 1,100 customers", DATES, report)


if __name__ == "__main__":
    main()
