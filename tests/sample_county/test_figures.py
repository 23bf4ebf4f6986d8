"""S2's figures: from the county in memory at several scales, and counted again from the files."""

import csv
import gzip
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from sample_county import parameters as p
from sample_county.county import make_county
from sample_county.credit_files import make_roster
from sample_county.trade import market_cumulative, market_mean_amounts
from sample_county.truth import figures
from tests.sample_county.conftest import FIRST, LAST, SCALE, SEED, Generated


@pytest.fixture(scope="module", params=[0.001, 0.005, 0.03])
def counted(request: pytest.FixtureRequest) -> dict[str, float]:
    county = make_county(request.param, SEED, FIRST, LAST)
    return figures(county, make_roster(county), 0)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("figure", "truth", "over"),
    [
        ("drawdown_rate_evaluated", 0.3452, "evaluated_main_entities"),
        ("credited_undrawn_share", 0.1631, "evaluated_main_entities"),
        ("card_market_share", 0.943, "cards"),
        ("card_coverage", 0.886, "registered_population"),
    ],
)
def test_ratios_of_s2(counted: dict[str, float], figure: str, truth: float, over: str) -> None:
    # Half a unit each for numerator and denominator, and the rounding of the seed's own figure.
    assert abs(counted[figure] - truth) <= 1.0 / counted[over] + 0.0005


@pytest.mark.parametrize(
    ("figure", "truth"),
    [
        ("evaluated_main_entities", 84_000),
        ("registered_population", 1_524_000),
        ("roster_people", 1_100_800),
        ("roster_households", 328_500),
        ("cards_own", 1_350_600),
        ("whitelist", 153_400),
        ("online_signings", 30_600),
        ("online_drawn", 4_012),
        ("list_rows", 87_120),
        ("list_credited", 5_325),
        ("pipeline", 2_467),
        ("pipeline_landed", 1_278),
        ("registry_entities", 30_526),
        ("new_merchants", 10_951),
    ],
)
def test_counts_of_s2(counted: dict[str, float], figure: str, truth: int) -> None:
    assert abs(counted[figure] - truth * counted["scale"]) <= 1


@pytest.mark.parametrize(
    ("figure", "truth"),
    [
        ("whitelist_yuan", 16_485_000_000),
        ("pipeline_yuan", 2_642_000_000),
        ("pipeline_landed_yuan", 561_000_000),
        ("new_merchant_deposits_yuan", 904_000_000),
        ("crab_deposits_yuan", 657_000_000),
        ("market_transactions_year", 3_179_300),
        ("market_yuan_year", 11_985_000_000),
    ],
)
def test_amounts_of_s2(counted: dict[str, float], figure: str, truth: int) -> None:
    assert counted[figure] == pytest.approx(truth * counted["scale"], rel=1e-3)


def test_ten_batches(counted: dict[str, float]) -> None:
    assert counted["list_batches"] == 10


def test_the_year_of_the_markets_adds_up() -> None:
    total = sum(market_cumulative(market, 1.0, date(2026, 12, 31)) for market in p.MARKET_SEASON)
    assert total == pytest.approx(3_179_300)
    means = market_mean_amounts()
    mean = sum(p.MARKET_TRANSACTION_MIX[m] * means[m] for m in means)
    assert round(mean) == 3_770
    assert all(sum(season) == pytest.approx(1.0) for season in p.MARKET_SEASON.values())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def core_rows(county: Generated, table: str, day: str = "20260928") -> list[list[str]]:
    with gzip.open(county.inbox / "core" / day / f"{table}_{day}.dat.gz") as file:
        return [line.split("|!|") for line in file.read().decode("gb18030").splitlines()]


def test_the_files_say_the_same(county: Generated) -> None:
    """Funnel and pipeline counted from the credit files, not taken from the generator's memory."""
    truth = json.loads((county.truth / "figures.json").read_text(encoding="utf-8"))
    folder = county.inbox / "credit" / "20260928"
    lines, loans = rows_of(folder / "credit_line_20260928.csv"), rows_of(folder / "loan_20260928.csv")
    drawn = {loan["contract_no"] for loan in loans}
    farmer = [line for line in lines if line["prod_code"] == "LN_FARMER"]
    assert sum(line["contract_no"] in drawn for line in farmer) == truth["drawn"]
    assert sum(line["contract_no"] not in drawn for line in farmer) == truth["credited_undrawn"]
    online = [line for line in lines if line["channel"] == "线上"]
    assert len(online) == truth["online_signings"]
    assert sum(line["contract_no"] in drawn for line in online) == truth["online_drawn"]
    events = [e for e in rows_of(folder / "application_event_20260928.csv") if e["list_no"] == "referral_seed"]
    assert len({e["apply_no"] for e in events}) == truth["pipeline"]
    assert len({e["apply_no"] for e in events if e["stage"] == "拨付"}) == truth["pipeline_landed"]
    whitelist = rows_of(folder / "whitelist_20260928.csv")
    assert len(whitelist) == truth["whitelist"]
    assert sum(float(row["pre_limit"]) for row in whitelist) == truth["whitelist_yuan"]


def test_the_ratios_do_not_drift_on_later_dates(county: Generated) -> None:
    """Delta days bring lines and draws, but none to the main entities or to the online product."""
    for day in ("20260929", "20260930"):
        folder = county.inbox / "credit" / day
        lines = rows_of(folder / f"credit_line_{day}.csv")
        assert lines
        assert not {line["prod_code"] for line in lines} & {"LN_FARMER", "LN_ONLINE"}
        assert not [
            loan
            for loan in rows_of(folder / f"loan_{day}.csv")
            if loan["put_date"] < "2026-09-28"
            and loan["state"] == "1"
            and loan["prod_code"] == "LN_ONLINE"
            and loan["balance"] == "0.00"
        ]


def test_merchant_deposits_lie_in_the_settlement_accounts(county: Generated) -> None:
    truth = json.loads((county.truth / "figures.json").read_text(encoding="utf-8"))
    settlement = {row[0]: row[1] for row in core_rows(county, "account") if row[3] == "DP_SETTLEMENT"}
    last: dict[str, tuple[str, float]] = {}
    for account, day, balance in core_rows(county, "account_balance"):
        if account in settlement:
            last[account] = max(last.get(account, ("", 0.0)), (day, float(balance)))
    by_amount = sorted(balance for _, balance in last.values())
    # The crab merchant's single account at this scale holds all of the season's deposits.
    assert by_amount[-1] == truth["crab_deposits_yuan"] == pytest.approx(657_000_000 * SCALE)
    assert sum(by_amount) >= truth["crab_deposits_yuan"] + truth["new_merchant_deposits_yuan"]


def test_market_trade_follows_the_season() -> None:
    crab = np.array(p.MARKET_SEASON["crab"])
    assert crab[8:12].sum() > 0.8  # domain section 5: crab 河蟹 September–December
