"""For every planted kind of customer the explanation names the planted cause: the item, and the value that decided it.

Reads a home whose sample county is published (`qianmo demo`, or `qianmo run` for its dates), and the truth that the
generator wrote beside it.
"""

import argparse
import csv
import os
from collections.abc import Iterator
from pathlib import Path

from tests.evidence import PROJECT, fail

LEAST_KINDS = 20


def named_causes(home: Path) -> Iterator[tuple[dict[str, str], bool]]:
    """Each planted cause, and whether `qianmo explain customer` names it."""
    os.environ["QIANMO_HOME"] = str(home)
    from ingestion.bank import load_bank
    from qianmo.explain import explain

    bank = load_bank(PROJECT / "banks" / "sample")
    with (bank.home.root / "truth" / "explanations.csv").open(encoding="utf-8", newline="") as file:
        for cause in csv.DictReader(file):
            found = explain(bank, cause["customer_id"])
            told = [(item.kind, item.code, f"{item.subject} {item.why}") for item in [*found.items, *found.removed]]
            told += [("relation", one.role, f"{one.customer} {one.why}") for one in found.relations]
            yield (
                cause,
                any(
                    (kind, code) == (cause["kind"], cause["code"]) and cause["value"] in text
                    for kind, code, text in told
                ),
            )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, required=True, help="QIANMO_HOME of a published sample county")
    kinds = 0
    missed = []
    for cause, is_named in named_causes(options.parse_args().home.resolve()):
        kinds += 1
        print(
            f"{cause['customer_id']} {cause['case']}: {cause['kind']} {cause['code']} {cause['value']}:"
            f" {'named' if is_named else 'NOT NAMED'}"
        )
        if not is_named:
            missed.append(cause["case"])
    if missed or kinds < LEAST_KINDS:
        fail(f"{len(missed)} of {kinds} causes not named ({', '.join(missed) or 'too few kinds'})")
    print(f"{kinds} of {kinds} planted customers: the explanation names the planted cause")


if __name__ == "__main__":
    main()
