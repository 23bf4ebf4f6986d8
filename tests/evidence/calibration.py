"""The truths of the seeds (domain section 7) come out of generated data within 1 % relative, by the published metrics.

One business date of the sample county is generated, landed, built, checked and published without Airflow; each figure
is the bank's row of `mart_metric`.
"""

import argparse
import time

import duckdb

from tests.evidence import empty_home, fail, must, qianmo

DAY = "2026-09-28"
TRUTHS = {
    "drawdown_rate_evaluated": (0.3452, "S2: 用信率34.52%"),
    "drawdown_rate_credited": (2.9 / (2.9 + 1.37), "S2†: 2.9 ÷ (2.9 + 1.37)"),
    "credited_undrawn_share": (0.1631, "S2: 已授信未用信占比16.31%"),
    "card_market_share": (0.943, "S2: 社保卡市场份额94.3%"),
    "card_coverage": (0.886, "S2: 覆盖户籍总人口88.6%"),
    "people_per_household": (110.08 / 32.85, "S2†: 110.08万人 ÷ 32.85万户"),
    "whitelist_amount_per_household": (164.85e8 / 15.34e4, "S2†: 164.85亿元 ÷ 15.34万户"),
}
TOLERANCE = 0.01


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scale", type=float, default=0.1, help="1.0 is the county of S2 (default: 0.1)")
    scale = options.parse_args().scale
    with empty_home() as home:
        started = time.monotonic()
        must(qianmo(home, "sample", "generate", "--scale", str(scale), "--from", DAY, "--to", DAY))
        print(f"generated at scale {scale} in {time.monotonic() - started:.0f} s", flush=True)
        started = time.monotonic()
        must(qianmo(home, "run", "--date", DAY))
        print(f"landed, built, checked, published and delivered in {time.monotonic() - started:.0f} s", flush=True)
        marts = must(qianmo(home, "where", "marts")).stdout.strip()
        with duckdb.connect(marts, read_only=True) as connection:
            found = dict(
                connection.execute(
                    "select metric_code, value from marts.mart_metric where dimension = 'bank' and business_date = $1",
                    [DAY],
                ).fetchall()
            )
        furthest = 0.0
        for code, (truth, source) in TRUTHS.items():
            if found.get(code) is None:
                fail(f"{code} has no value for the bank on {DAY}")
            apart = abs(float(found[code]) / truth - 1)
            furthest = max(furthest, apart)
            print(f"{code}: {float(found[code]):,.4f}, the seed says {truth:,.4f} ({source}): {apart:.3%} apart")
        if furthest > TOLERANCE:
            fail(f"a figure is {furthest:.2%} from the seed's, more than {TOLERANCE:.0%}")
        print(f"{len(TRUTHS)} of {len(TRUTHS)} truths within {TOLERANCE:.0%} at scale {scale}: at most {furthest:.3%}")


if __name__ == "__main__":
    main()
