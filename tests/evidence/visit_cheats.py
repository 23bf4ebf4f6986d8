"""Which visits are suspected, against the cheats planted in a sample county that is landed and built here.

The truth (`truth/visit_stories.csv`) names every planted visit: cheats, and honest work that looks like them (an
evening at the market, a fast trip, a Saturday's campaign, a day entered together, neighbours at the village committee).
All other visits are honest. Recall of a kind is over its planted visits, found by the fault that is meant for it;
precision is over the visits with such a fault, of which those are right that are cheats of any kind.
"""

from pathlib import Path

import duckdb

from qianmo.home import BankHome
from tests.evidence import fail, on_county

DAY = "2026-09-28"
LEAST = 0.95
FAULTS = {
    "desk": ("far_from_customer", "same_spot"),
    "travel": ("impossible_travel",),
    "bulk": ("after_hours_bulk",),
    "late_bulk": ("late_bulk",),
    "duplicate": ("duplicate",),
    "day_off": ("day_off",),
}
_VISITS = """
create table visits as
select
    checked.visit_id,
    checked.faults,
    coalesce(stories.story, 'ordinary') as story,
    coalesce(stories.is_cheat, false) as is_cheat
from warehouse.intermediate.int_visit__checked as checked
left join read_csv($truth) as stories on checked.visit_id = stories.visit_id
where checked.visit_method = 'on_site'
"""


def report(home: Path) -> None:
    """Print the figures of a built sample county; ends this script when they fall short."""
    bank = BankHome(home / "sample")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{bank.warehouse}' as warehouse (read_only)")
        connection.execute(_VISITS, {"truth": str(bank.root / "truth" / "visit_stories.csv")})
        print(f"{'cheat':<12}{'planted':>9}{'found':>9}{'recall':>9}{'suspected':>11}{'right':>9}{'precision':>11}")
        short = [kind for kind, faults in FAULTS.items() if _kind(connection, kind, faults) < LEAST]
        honest = connection.execute(
            "select story, count(*), count(*) filter (len(faults) > 0) from visits"
            " where not is_cheat group by 1 order by 1"
        ).fetchall()
        for story, visits, suspected in honest:
            print(f"honest: {story:<18}{visits:>9,} visits, {suspected:,} suspected")
        cheats, found, suspected = connection.execute(
            "select count(*) filter (is_cheat), count(*) filter (is_cheat and len(faults) > 0),"
            " count(*) filter (len(faults) > 0) from visits"
        ).fetchall()[0]
    precision, recall = found / max(suspected, 1), found / max(cheats, 1)
    print(
        f"{cheats:,} cheats among {sum(visits for _, visits, _ in honest) + cheats:,} visits on site,"
        f" {suspected:,} suspected: precision {precision:.4f}, recall {recall:.4f}"
    )
    if short or precision < LEAST or recall < LEAST:
        fail(f"expected precision and recall of {LEAST} at least, of every kind and in all; short: {short or 'in all'}")


def _kind(connection: duckdb.DuckDBPyConnection, kind: str, faults: tuple[str, ...]) -> float:
    """Print the row of one kind of cheat; the lesser of its precision and recall."""
    planted, found, suspected, right = connection.execute(
        "select count(*) filter (story = $kind), count(*) filter (story = $kind and list_has_any(faults, $faults)),"
        " count(*) filter (list_has_any(faults, $faults)),"
        " count(*) filter (is_cheat and list_has_any(faults, $faults)) from visits",
        {"kind": kind, "faults": list(faults)},
    ).fetchall()[0]
    recall, precision = found / max(planted, 1), right / max(suspected, 1)
    print(f"{kind:<12}{planted:>9,}{found:>9,}{recall:>9.4f}{suspected:>11,}{right:>9,}{precision:>11.4f}")
    return float(min(recall, precision))


def main() -> None:
    on_county(__doc__, "0.03", "some 4,800 visits", [DAY], report, ("land", "build"))


if __name__ == "__main__":
    main()
