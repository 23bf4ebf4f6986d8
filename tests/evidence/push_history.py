"""Ten batches and their effect: S2's figures from the pipeline, and the planted effect inside the measured interval.

At scale 1.0 the sample county writes 87,120 rows with 5,325 credited in the window; at another scale in proportion,
rounded once. The control rows beside them carry the planted effect of each list (`truth/pushed_batches.csv`), so the
intervals of `mart_list_lift` are held against the truth: all lists together, and one by one, of which nine in ten must
hold theirs (an interval is wrong once in twenty).
"""

import csv
import json
from pathlib import Path

import duckdb

from qianmo.home import BankHome
from tests.evidence import fail, on_county

DAY = "2026-09-28"
ROWS, CREDITED = 87_120, 5_325
PIPELINE, PIPELINE_AMOUNT = 0.518, 0.212
"""S2†: 1,278 of 2,467 landed; 5.61 of 26.42亿元."""
TOLERANCE = 0.0005


def report(home: Path) -> None:
    """Print the figures of a built sample county; ends this script when they fall short."""
    bank = BankHome(home / "sample")
    truth = json.loads((bank.root / "truth" / "figures.json").read_text(encoding="utf-8"))
    with (bank.root / "truth" / "pushed_batches.csv").open(encoding="utf-8") as file:
        planted = {row["list_code"]: row for row in csv.DictReader(file)}
    scale = float(truth["scale"])
    with duckdb.connect(str(bank.warehouse), read_only=True) as connection:
        metrics = dict(
            connection.execute(
                "select metric_code, value from marts.mart_metric where dimension = 'bank' and metric_code in"
                " ('list_credit_rate', 'pipeline_conversion_count', 'pipeline_conversion_amount')"
            ).fetchall()
        )
        [(batches, rows, credited)] = connection.execute(
            "select count(distinct list_batch_id), count(*), count(*) filter (is_credited_in_window)"
            " from intermediate.int_metric__push"
        ).fetchall()
        lifts = connection.execute(
            "select list_code, lift, lift_low, lift_high, interval_kind from marts.mart_list_lift"
            f" where origin = 'former' and business_date = date '{DAY}' order by list_code"
        ).fetchall()
    print(f"{batches} batches, {rows:,} rows, {credited:,} credited in the window: {credited / rows:.2%}")
    for code, value in sorted(metrics.items()):
        print(f"{code}: {value:.2%}")
    expected = (10, round(ROWS * scale), round(CREDITED * scale))
    if (batches, rows, credited) != expected:
        fail(f"expected {expected[0]} batches, {expected[1]:,} rows, {expected[2]:,} credited at scale {scale}")
    if abs(metrics["pipeline_conversion_count"] - PIPELINE) > TOLERANCE + 1 / (2467 * scale):
        fail(f"pipeline by count {metrics['pipeline_conversion_count']:.3%}, expected {PIPELINE:.1%}")
    if abs(metrics["pipeline_conversion_amount"] - PIPELINE_AMOUNT) > TOLERANCE:
        fail(f"pipeline by amount {metrics['pipeline_conversion_amount']:.3%}, expected {PIPELINE_AMOUNT:.1%}")
    held = 0
    for code, lift, low, high, kind in lifts:
        effect = float(truth["list_effect"] if code == "all" else planted[code]["effect"])
        told = "no interval yet" if low is None else f"{low:+.2%} … {high:+.2%} {kind}"
        is_held = low is None or low <= effect <= high
        held += is_held and code != "all"
        print(f"{code:<26} planted {effect:+.2%}  measured {lift:+.2%}  {told}{'' if is_held else '  OUTSIDE'}")
        if code == "all" and not is_held:
            fail("the planted effect of all lists together lies outside the interval")
    if held < len(planted) - 1:
        fail(f"{held} of {len(planted)} lists hold their planted effect")
    print(
        f"{rows:,} rows of {batches} batches, {credited:,} credited: {credited / rows:.2%};"
        f" pipeline {metrics['pipeline_conversion_count']:.1%} by count, {metrics['pipeline_conversion_amount']:.1%} by"
        f" amount; planted effects inside their intervals: all together and {held} of {len(planted)} lists"
    )


if __name__ == "__main__":
    on_county(__doc__, "0.1", "a tenth of the county: some ten minutes", [DAY], report, ("land", "build"))
