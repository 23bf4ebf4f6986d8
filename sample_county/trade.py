"""Acquiring transactions, day by day; the three markets keep S2's yearly count and amount."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sample_county import parameters as p
from sample_county.economy import Merchants
from sample_county.identifiers import Ints, day_number
from sample_county.randomness import stream


@dataclass(frozen=True)
class TradeDay:
    """One day's acquiring transactions: merchant (row), second, cents, is_card; by merchant and second."""

    day: int
    merchant: Ints
    second: Ints
    cents: Ints
    is_card: np.ndarray

    def totals(self, merchants: int) -> Ints:
        """Cents per merchant."""
        return np.round(np.bincount(self.merchant, weights=self.cents, minlength=merchants)).astype(np.int64)


def market_mean_amounts() -> dict[str, float]:
    """Yuan a transaction per market; steel's follows from S2's total."""
    mix, means = p.MARKET_TRANSACTION_MIX, dict(p.MARKET_MEAN_AMOUNT)
    overall = p.MARKET_AMOUNT_YEAR / p.MARKET_TRANSACTIONS_YEAR
    means["steel"] = (overall - sum(mix[m] * means[m] for m in means)) / mix["steel"]
    return means


def market_cumulative(market: str, scale: float, day: date) -> float:
    """Transactions of a market from 1 January to the end of `day`."""
    yearly = p.MARKET_TRANSACTIONS_YEAR * scale * p.MARKET_TRANSACTION_MIX[market]
    season = p.MARKET_SEASON[market]
    month_end = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return yearly * (sum(season[: day.month - 1]) + season[day.month - 1] * day.day / month_end.day)


def trade(merchants: Merchants, scale: float, seed: int, start: date, last: date) -> Iterator[TradeDay]:
    """Every day from `start` to `last`."""
    frame = merchants.frame
    weight = frame["weight"].to_numpy()
    active = (frame["status"] == "1").to_numpy()
    signed = frame["signed"].to_numpy()
    market = frame["market"].to_numpy()
    means = market_mean_amounts()
    outside = ~np.isin(market, list(means))
    day = start
    while day <= last:
        random = stream(seed, "trade", day)
        number = day_number(day)
        open_now = active & (signed <= number)
        chosen: list[Ints] = []
        amounts: list[Ints] = []
        for name, mean in means.items():
            members = np.flatnonzero(open_now & (market == name))
            before = 0.0 if day.timetuple().tm_yday == 1 else market_cumulative(name, scale, day - timedelta(days=1))
            count = round(market_cumulative(name, scale, day)) - round(before)
            if not len(members) or count <= 0:
                continue
            chosen.append(random.choice(members, count, p=weight[members] / weight[members].sum()))
            draws = random.lognormal(0, 0.8, count)
            amounts.append(np.maximum(np.round(draws / draws.sum() * count * mean * 100), 1).astype(np.int64))
        members = np.flatnonzero(open_now & outside)
        count = int(p.OTHER_ACQUIRING_DAY * scale * (1.12 if day.weekday() >= 5 else 0.95) * random.uniform(0.95, 1.05))
        chosen.append(random.choice(members, count, p=weight[members] / weight[members].sum()))
        amounts.append(np.maximum(np.round(random.lognormal(3.2, 1.0, count) * 100), 50).astype(np.int64))
        merchant, cents = np.concatenate(chosen), np.concatenate(amounts)
        second = np.clip(random.normal(13.5, 3.6, len(merchant)) * 3600, 5 * 3600, 86_000).astype(np.int64)
        order = np.argsort(merchant * 86_400 + second, kind="stable")
        yield TradeDay(number, merchant[order], second[order], cents[order], random.random(len(order)) < 0.12)
        day += timedelta(days=1)
