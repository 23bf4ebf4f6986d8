"""Tags as of each earlier date, read from the latest publication, are what was published on that date.

For every customer: the same tags with the same values, opened on the same date, under the same rule and on the same
evidence. Nothing is excepted. A branch and a manager are not compared: an open row follows the customer.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.bank import Bank, load_bank
from qianmo.home import PROJECT_ROOT, home_root
from serving.publish import current_publication, versions
from tests.evidence import fail

MEMBERSHIP = "legal_entity_code, customer_id, tag_code, tag_value, valid_from, rule_version, evidence"


@dataclass(frozen=True)
class Compared:
    """One published date against the latest publication."""

    business_date: str
    customers: int
    memberships: int
    changed_since: int
    """Memberships that have ended, or begun, by the latest date: what makes the comparison say something."""
    only_then: int
    only_now: int


def compare(bank: Bank) -> list[Compared]:
    """Every published date against the publication that is read now, in date order."""
    latest = current_publication(bank)
    assert latest is not None, "nothing is published"
    of_date = {version.business_date: version for version in versions(bank)} | {latest.business_date: latest}
    results = []
    for business_date, version in sorted(of_date.items()):
        with duckdb.connect() as connection:
            connection.execute(f"attach '{bank.home.published / version.file}' as then_published (read_only)")
            if version.file != latest.file:
                connection.execute(f"attach '{bank.home.published / latest.file}' as latest (read_only)")
            now = "then_published" if version.file == latest.file else "latest"
            connection.execute(
                f"create view published as select {MEMBERSHIP} from then_published.marts.fct_customer_tag"
                " where valid_to is null"
            )
            connection.execute(
                f"create view as_of as select {MEMBERSHIP} from {now}.marts.fct_customer_tag where"
                f" valid_from <= date '{business_date}' and (valid_to is null or valid_to > date '{business_date}')"
            )
            connection.execute(
                f"create view open_now as select {MEMBERSHIP} from {now}.marts.fct_customer_tag where valid_to is null"
            )
            figures = connection.execute(
                """
                select
                    (select count(distinct customer_id) from published),
                    (select count(*) from published),
                    (select count(*) from (from published except all from open_now))
                    + (select count(*) from (from open_now except all from published)),
                    (select count(*) from (from published except all from as_of)),
                    (select count(*) from (from as_of except all from published))
                """
            ).fetchone()
            assert figures is not None
            results.append(Compared(business_date, *figures))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=home_root(), help="a QIANMO_HOME with published dates")
    parser.add_argument("--bank", type=Path, default=PROJECT_ROOT / "banks" / "sample")
    arguments = parser.parse_args()
    os.environ["QIANMO_HOME"] = str(arguments.home)
    results = compare(load_bank(arguments.bank))
    for one in results:
        print(
            f"{one.business_date}: {one.customers:,} customers, {one.memberships:,} memberships, of which"
            f" {one.changed_since:,} differ from the latest date; only then {one.only_then}, only now {one.only_now}"
        )
    if len(results) < 2:
        fail("fewer than two dates are published: nothing to compare")
    if differing := sum(one.only_then + one.only_now for one in results):
        fail(f"{differing} memberships differ")
    print(f"{len(results)} dates: tags as of each are what was published, for every customer")


if __name__ == "__main__":
    main()
