"""The core ledger: postings day by day with running balances that never fall below zero."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sample_county import parameters as p
from sample_county.customers import DEMAND, Accounts, Customers
from sample_county.economy import Employers, Merchants
from sample_county.identifiers import Ints, calendar_number, day_number, padded
from sample_county.lending import Lending
from sample_county.names import full_names, surnames
from sample_county.people import People
from sample_county.randomness import stream
from sample_county.supply_chain import SupplyChains
from sample_county.trade import TradeDay
from sample_county.writing import clock_text, money, text

SUMMARIES = {
    "deposit": "0101", "withdrawal": "0102", "transfer_in": "0201", "transfer_out": "0202", "salary": "0301",
    "pension": "0302", "qr_spending": "0401", "card_spending": "0402", "merchant_settlement": "0403",
    "loan_disbursal": "0501", "loan_repayment": "0502", "interest": "0601", "fee": "0602", "tax": "0701",
    "utility": "0702", "bill_received": "0801", "foreign_exchange": "0802", "online_lender": "0901", "wealth": "1001",
    "insurance": "1002", "other": "9999",
}  # fmt: skip
_SUMMARY = {name: i for i, name in enumerate(SUMMARIES)}
_SUMMARY_CODES = pa.array(list(SUMMARIES.values()))
_CHANNELS = ("CT", "MB", "EB", "PS", "QR", "AT", "BT")
_CHANNEL = {name: i for i, name in enumerate(_CHANNELS)}
_CHANNEL_CODES = pa.array(_CHANNELS)
NOBODY = -1

_INSTITUTIONS = (
    ("财付通支付科技有限公司", "TENPAY"),
    ("支付宝(中国)网络技术有限公司", "ALIPAY"),
    ("云桥消费金融有限公司", "LENDER"),
    ("星河小额贷款有限公司", "LENDER"),
    ("快易网络小额贷款有限公司", "LENDER"),
    ("百川消费金融有限公司", "LENDER"),
    ("县供电公司", "ICBC"),
    ("县水务有限公司", "own"),
    ("县燃气有限公司", "CCB"),
    ("国家税务总局县税务局", "PBC"),
    ("泰安人寿保险公司", "BOC"),
    ("理财产品募集专户", "own"),
    ("县社会保险管理处", "own"),
    ("境外汇款清算户", "BOC"),
)
_TENPAY, _ALIPAY, _LENDER, _UTILITY, _TAX, _INSURER, _WEALTH, _BENEFITS, _ABROAD = 0, 1, 2, 6, 9, 10, 11, 12, 13
_OUTSIDERS = 800


@dataclass
class _Batch:
    """Parts of one day that are put together and ordered at its end."""

    parts: list[tuple[Ints, Ints, Ints, Ints, Ints, Ints, np.ndarray]]

    def add(
        self,
        account: Ints,
        second: Ints | int,
        cents: Ints,
        summary: str,
        channel: Ints | str,
        opposite: Ints | int,
        may_drop: bool,
    ) -> None:
        n = len(account)
        if n == 0:
            return

        def full(value: Ints | int) -> Ints:
            return np.broadcast_to(np.asarray(value, dtype=np.int64), n)

        channel_index = _CHANNEL[channel] if isinstance(channel, str) else channel
        self.parts.append(
            (
                account, full(second), cents, full(_SUMMARY[summary]), full(channel_index), full(opposite),
                np.full(n, may_drop),
            )
        )  # fmt: skip


@dataclass(frozen=True)
class PostingDay:
    """One day's postings as they are unloaded, and the accounts whose balance changed."""

    columns: dict[str, pa.Array | str]
    cents: Ints
    changed: Ints


def faulty(posted: PostingDay, day: date) -> tuple[dict[str, pa.Array | str], Ints]:
    """One or two postings of nothing with a field that fits no contract: trials of the core left in its unload."""
    planted: list[dict[str, str | None]] = [{"memo_cd": None}, {"chnl_cd": "ZZ"}]
    faults = planted[: 1 + day.toordinal() % 2]
    columns = {
        name: column if isinstance(column, str) else pa.concat_arrays([column[-1:]] * len(faults))
        for name, column in posted.columns.items()
    }
    columns["txn_seq"] = pa.array([f"T{day:%Y%m%d}{len(posted.cents) + 1 + i:09d}" for i in range(len(faults))])
    columns["txn_amt"] = pa.array(["0.00"] * len(faults))
    for name in ("memo_cd", "chnl_cd"):
        last = posted.columns[name][-1].as_py()  # type: ignore[union-attr]
        columns[name] = pa.array([fault.get(name, last) for fault in faults], pa.string())
    return columns, np.zeros(len(faults), dtype=np.int64)


class Ledger:
    """Balances of all accounts, moved forward one day at a time."""

    def __init__(
        self,
        people: People,
        customers: Customers,
        accounts: Accounts,
        employers: Employers,
        merchants: Merchants,
        chains: SupplyChains,
        lending: Lending,
        customer_names: pa.Array,
        benefits: pd.DataFrame,
        scale: float,
        seed: int,
        start: date,
        first: date,
        deltas: int,
    ) -> None:
        self._scale, self._seed = scale, seed
        self._start, self._today, self._deltas = day_number(start), day_number(first), deltas
        frame, rows = accounts.frame, customers.frame
        self.balance = frame["opening"].to_numpy().copy()
        self._identifier = accounts.identifier
        # The day it is opened an old account shows its opening balance; a new one takes its first deposit at once.
        self._opened = frame["opened"].to_numpy() + (frame["since"] == 0).to_numpy()
        owner = frame["customer"].to_numpy()
        self._postable = frame["is_main"].to_numpy() & (frame["kind"] == DEMAND).to_numpy()
        is_person = (rows["person"] >= 0).to_numpy()
        age = np.where(is_person, people.frame["age"].to_numpy()[rows["person"]], 0)

        random = stream(seed, "ledger")
        main = np.flatnonzero(self._postable)
        of_person = main[is_person[owner[main]]]
        of_firm = main[~is_person[owner[main]]]
        self._sets = {
            "person": self._weighted(
                of_person, random.lognormal(0, 0.8, len(of_person)) * np.where(age[owner[of_person]] < 60, 1.0, 0.3)
            ),
            "firm": self._weighted(of_firm, random.lognormal(0, 0.8, len(of_firm))),
        }
        self._settlement = accounts.settlement_of
        self._target = frame["floor_target"].to_numpy()[accounts.settlement_of]
        self._is_crab = (merchants.frame["market"] == "crab").to_numpy()
        self._shop_since = merchants.frame["since"].to_numpy()

        # Counterparties: institutions, people and firms elsewhere, then every account of our own.
        male = random.random(_OUTSIDERS) < 0.5
        outside_names = full_names(random, surnames(random, _OUTSIDERS), male)
        banks = np.array(["ICBC", "ABC", "BOC", "CCB", "PSBC", "JSBC"])[random.integers(0, 6, _OUTSIDERS)]
        other = len(_INSTITUTIONS) + _OUTSIDERS
        self._own_from = other
        self._opposite_names = pa.concat_arrays(
            [pa.array([name for name, _ in _INSTITUTIONS]), outside_names, customer_names.take(pa.array(owner))]
        )
        self._opposite_numbers = pa.concat_arrays([padded(np.arange(1, other + 1) * 13, 15, "9600"), accounts.number])
        self._opposite_banks = pa.concat_arrays(
            [
                pa.array([bank for _, bank in _INSTITUTIONS]),
                text(banks),
                pa.array(["own"]).take(pa.array(np.zeros(len(frame), dtype=np.int64))),
            ]
        )

        # Salaries: account, yuan and employer of every paid customer.
        paid = customers.of_person[employers.employees["person"]]
        has = (paid >= 0) & self._postable[np.maximum(paid, 0)]
        self._salary_account = paid[has]
        self._salary_cents = employers.employees["monthly_yuan"].to_numpy()[has] * 100
        self._salary_employer = employers.employees["employer"].to_numpy()[has]
        self._employer_account = customers.of_employer
        self._pay_day = employers.frame["pay_day"].to_numpy()
        leavers = random.permutation(len(self._salary_account))[: p.scaled(p.OTHER_BANK_LEAVERS, scale, least=3)]
        self._leaver = np.sort(leavers)

        chain = chains.frame
        core, partner = accounts.main_of[chain["core"]], accounts.main_of[chain["partner"]]
        self._payer = np.where(chain["is_upstream"], core, partner)
        self._payee = np.where(chain["is_upstream"], partner, core)
        self._chain_day, self._chain_cents = chain["day"].to_numpy(), chain["cents"].to_numpy()

        holder = customers.of_person[benefits["person"]]
        gets = (holder >= 0) & self._postable[np.maximum(holder, 0)]
        self._pension_account = holder[gets]
        self._pension_cents = benefits["cents"].to_numpy()[gets]

        borrowers = random.permutation(of_person[(age[owner[of_person]] >= 20) & (age[owner[of_person]] < 50)])
        self._lender_account = borrowers[: p.scaled(p.ONLINE_LENDER_USERS, scale, least=3)]
        size = len(self._lender_account)
        self._lender_day = random.integers(1, 29, size)
        self._lender_cents = random.integers(3, 40, size) * 10_000
        self._lender = _LENDER + random.integers(0, 4, size)

        customer_of_loan = lending.line["customer"].to_numpy()[lending.loan["line"]]
        scheduled = pd.concat(
            [
                pd.DataFrame(
                    {
                        "day": lending.loan["disbursed"],
                        "account": customer_of_loan,
                        "cents": lending.loan["amount"],
                        "is_draw": True,
                    }
                ),
                pd.DataFrame(
                    {
                        "day": lending.repayment["day"],
                        "account": customer_of_loan[lending.repayment["loan"]],
                        "cents": -(lending.repayment["principal"] + lending.repayment["interest"]),
                        "is_draw": False,
                    }
                ),
            ]
        )
        scheduled = scheduled[(scheduled["day"] >= self._start) & (scheduled["cents"] != 0)]
        self._scheduled = scheduled.sort_values(["day", "is_draw", "account"], kind="stable")
        joins = frame[(frame["since"] > 0) & (frame["merchant"] < 0)]
        self._joining = joins[["customer", "since"]].assign(account=joins.index.to_numpy())
        rich = of_person[(rows["manager"].to_numpy()[owner[of_person]] >= 0) & (age[owner[of_person]] >= 30)]
        self._windfall = random.permutation(rich)
        self._settlements_due: Ints | None = None

    @staticmethod
    def _weighted(members: Ints, weights: np.ndarray) -> tuple[Ints, np.ndarray]:
        return members, np.cumsum(weights / weights.sum())

    def _pick(self, random: np.random.Generator, group: str, count: int) -> Ints:
        members, cumulative = self._sets[group]
        index = np.searchsorted(cumulative, random.random(count))
        return members[np.minimum(index, len(members) - 1)]

    def advance(self, trade: TradeDay) -> PostingDay:
        """Post one day; `trade` is the same day's acquiring, which is settled the day after."""
        day = date.fromordinal(trade.day + 719_163)
        random = stream(self._seed, "postings", day)
        batch = _Batch([])
        self._spend(batch, random, day)
        self._routine(batch, random, day, trade.day)
        self._pay_chains(batch, day)
        self._settle(batch, trade)
        return self._close(batch, trade.day)

    def _spend(self, batch: _Batch, random: np.random.Generator, day: date) -> None:
        weekend = day.weekday() >= 5

        def count(kind: str, factor: float = 1.0) -> int:
            exact = p.POSTINGS_DAY[kind] * self._scale * factor * (random.random() * 0.1 + 0.95)
            return int(exact + random.random())

        def yuan(size: int, middle: float, spread: float, least: int = 100) -> Ints:
            return np.maximum(np.round(random.lognormal(np.log(middle), spread, size) * 100), least).astype(np.int64)

        def clock(size: int) -> Ints:
            return np.clip(random.normal(13.5, 3.8, size) * 3600, 6 * 3600, 78_000).astype(np.int64)

        def outsider(size: int) -> Ints:
            return len(_INSTITUTIONS) + random.integers(0, _OUTSIDERS, size)

        def neighbour(size: int) -> Ints:
            return self._own_from + self._pick(random, "person", size)

        n = count("qr_spending", 1.1 if weekend else 0.96)
        shop = self._own_from + self._settlement[random.integers(0, max(1, int((self._shop_since == 0).sum())), n)]
        wallet = np.where(random.random(n) < 0.5, _TENPAY, _ALIPAY)
        batch.add(
            self._pick(random, "person", n),
            clock(n),
            -yuan(n, 25, 1.0),
            "qr_spending",
            "QR",
            np.where(random.random(n) < 0.35, shop, wallet),
            True,
        )
        n = count("card_spending")
        batch.add(
            self._pick(random, "person", n), clock(n), -yuan(n, 150, 1.0), "card_spending", "PS", outsider(n), True
        )
        for kind, sign, middle in (("transfer_out", -1, 540), ("transfer_in", 1, 530)):
            n = count(kind, 0.75 if weekend else 1.08)
            own = random.random(n) < 0.55
            channel = np.where(
                random.random(n) < 0.75,
                _CHANNEL["MB"],
                np.where(random.random(n) < 0.5, _CHANNEL["CT"], _CHANNEL["EB"]),
            )
            batch.add(
                self._pick(random, "person", n),
                clock(n),
                sign * yuan(n, middle, 1.2),
                kind,
                channel,
                np.where(own, neighbour(n), outsider(n)),
                sign < 0,
            )
            n = int(n * 0.06)
            batch.add(
                self._pick(random, "firm", n),
                clock(n),
                sign * yuan(n, 22_000 if sign < 0 else 20_000, 1.1),
                kind,
                "EB",
                outsider(n),
                sign < 0,
            )
        n = count("withdrawal")
        batch.add(
            self._pick(random, "person", n),
            clock(n),
            -np.maximum(yuan(n, 800, 0.9) // 10_000, 1) * 10_000,
            "withdrawal",
            np.where(random.random(n) < 0.6, _CHANNEL["AT"], _CHANNEL["CT"]),
            NOBODY,
            True,
        )
        n = count("deposit")
        batch.add(
            self._pick(random, "person", n),
            clock(n),
            np.maximum(yuan(n, 700, 1.0) // 10_000, 1) * 10_000,
            "deposit",
            np.where(random.random(n) < 0.4, _CHANNEL["AT"], _CHANNEL["CT"]),
            NOBODY,
            False,
        )
        n = count("utility")
        batch.add(
            self._pick(random, "person", n),
            clock(n),
            -yuan(n, 90, 0.6),
            "utility",
            "BT",
            _UTILITY + random.integers(0, 3, n),
            True,
        )
        n = count("fee")
        batch.add(self._pick(random, "person", n), 4 * 3600, np.full(n, -200), "fee", "BT", NOBODY, True)
        n = count("tax", 0.0 if weekend else 1.4)
        batch.add(self._pick(random, "firm", n), clock(n), -yuan(n, 3000, 1.2), "tax", "BT", _TAX, True)
        n = count("insurance")
        batch.add(self._pick(random, "person", n), clock(n), -yuan(n, 1500, 0.8), "insurance", "MB", _INSURER, True)
        n = count("wealth")
        batch.add(self._pick(random, "person", n), clock(n), -yuan(n, 20_000, 0.7), "wealth", "MB", _WEALTH, True)
        n = count("bill_received")
        batch.add(
            self._pick(random, "firm", n), clock(n), yuan(n, 60_000, 0.8), "bill_received", "EB", outsider(n), False
        )
        n = count("foreign_exchange")
        batch.add(
            self._pick(random, "firm", n), clock(n), yuan(n, 45_000, 0.8), "foreign_exchange", "CT", _ABROAD, False
        )
        n = count("other")
        batch.add(self._pick(random, "person", n), clock(n), yuan(n, 60, 0.8), "other", "BT", NOBODY, False)

    def _routine(self, batch: _Batch, random: np.random.Generator, day: date, number: int) -> None:
        paying = np.flatnonzero(self._pay_day == day.day)
        chosen = np.flatnonzero(np.isin(self._salary_employer, paying))
        employer = self._salary_employer[chosen]
        batch.add(
            self._salary_account[chosen],
            9 * 3600,
            self._salary_cents[chosen],
            "salary",
            "BT",
            self._own_from + self._employer_account[employer],
            False,
        )
        totals = np.round(
            np.bincount(employer, weights=self._salary_cents[chosen], minlength=len(self._pay_day))
        ).astype(np.int64)
        payers = np.flatnonzero(totals)
        # The payroll account is funded from elsewhere on the morning of the pay day.
        batch.add(
            self._employer_account[payers],
            8 * 3600,
            totals[payers],
            "transfer_in",
            "EB",
            len(_INSTITUTIONS) + payers % _OUTSIDERS,
            False,
        )
        batch.add(self._employer_account[payers], 9 * 3600 - 1, -totals[payers], "transfer_out", "BT", NOBODY, False)
        yesterday = np.flatnonzero(self._pay_day == day.day - 1)
        gone = self._leaver[np.isin(self._salary_employer[self._leaver], yesterday)]
        batch.add(
            self._salary_account[gone],
            10 * 3600,
            -(self._salary_cents[gone] * 8 // 10),
            "transfer_out",
            "MB",
            len(_INSTITUTIONS) + gone % _OUTSIDERS,
            True,
        )
        if day.day == 8:
            batch.add(self._pension_account, 5 * 3600, self._pension_cents, "pension", "BT", _BENEFITS, False)
        due = np.flatnonzero(self._lender_day == day.day)
        batch.add(
            self._lender_account[due],
            12 * 3600,
            -self._lender_cents[due],
            "online_lender",
            "BT",
            self._lender[due],
            True,
        )
        if day.day == 21 and day.month % 3 == 0:
            earns = np.flatnonzero(self._postable & (self._opened <= number))
            batch.add(earns, 3600, np.maximum(self.balance[earns] // 2000, 1), "interest", "BT", NOBODY, False)
        low, high = np.searchsorted(self._scheduled["day"].to_numpy(), [number, number + 1])
        today = self._scheduled.iloc[low:high]
        for is_draw, summary, second in ((True, "loan_disbursal", 15 * 3600), (False, "loan_repayment", 16 * 3600)):
            part = today[today["is_draw"] == is_draw]
            batch.add(part["account"].to_numpy(), second, part["cents"].to_numpy(), summary, "BT", NOBODY, False)
        if number >= self._today:
            since = number - self._today
            new = self._joining.loc[self._joining["since"] == since, "account"].to_numpy()
            batch.add(new, 10 * 3600, random.integers(1, 200, len(new)) * 10_000, "deposit", "CT", NOBODY, False)
            # S3 table 8: rises above 100万, 200万 and 500万 call for a manager, a team head, a branch vice head.
            rises = np.array([120_000_000, 260_000_000, 600_000_000])[: 3 if since == 1 else 1]
            rich = self._windfall[since * 3 : since * 3 + len(rises)]
            batch.add(
                rich, 14 * 3600, rises[: len(rich)], "transfer_in", "CT", len(_INSTITUTIONS) + rich % _OUTSIDERS, False
            )

    def _pay_chains(self, batch: _Batch, day: date) -> None:
        """Payments between a core enterprise and its partners, posted on both accounts."""
        due = np.flatnonzero((self._chain_day == day.day) | (self._chain_day + 14 == day.day))
        payer, payee, cents = self._payer[due], self._payee[due], self._chain_cents[due]
        batch.add(payer, 11 * 3600, -cents, "transfer_out", "EB", self._own_from + payee, False)
        batch.add(payee, 11 * 3600 + 1, cents, "transfer_in", "EB", self._own_from + payer, False)

    def _settle(self, batch: _Batch, trade: TradeDay) -> None:
        """Yesterday's acquiring is credited; what lies above the account's level is swept to another bank."""
        n = len(self._settlement)
        due = self._settlements_due if self._settlements_due is not None else trade.totals(n)
        credit = due - due * 38 // 10_000  # the acquirer's fee of 0.38 %
        credited = np.flatnonzero(credit > 0)
        batch.add(self._settlement[credited], 6 * 3600, credit[credited], "merchant_settlement", "BT", NOBODY, False)
        # The crab merchants' deposits grow with the season to what S2 states; the others keep theirs.
        season = 1 - 0.2 * min(1.0, max(0, self._today - trade.day) / 50)
        level = np.floor(self._target * np.where(self._is_crab, season, 1.0)).astype(np.int64)
        over = self.balance[self._settlement] + credit - level
        sweeps = np.flatnonzero((over > 0) & (self.balance[self._settlement] + credit > 0) & (credit > 0))
        batch.add(
            self._settlement[sweeps],
            21 * 3600,
            -over[sweeps],
            "transfer_out",
            "MB",
            len(_INSTITUTIONS) + sweeps % _OUTSIDERS,
            False,
        )
        self._settlements_due = trade.totals(n)

    def _close(self, batch: _Batch, number: int) -> PostingDay:
        account, second, cents, summary, channel, opposite, may_drop = (
            np.concatenate([part[i] for part in batch.parts]) for i in range(7)
        )
        alive = self._opened[account] <= number
        order = np.flatnonzero(alive)
        order = order[np.argsort(account[order] * 86_400 + second[order], kind="stable")]
        account, second, cents, summary, channel, opposite, may_drop = (
            column[order] for column in (account, second, cents, summary, channel, opposite, may_drop)
        )
        # An account that would fall below zero does not make its optional payments of the day.
        short = np.isin(account, np.unique(account[self._running(account, cents) < 0]))
        keep = ~(short & may_drop & (cents < 0))
        account, second, cents, summary, channel, opposite = (
            column[keep] for column in (account, second, cents, summary, channel, opposite)
        )
        running = self._running(account, cents)
        lowest = pd.Series(running).groupby(account).min()
        lacking = lowest[lowest < 0]
        if len(lacking):  # and pays in cash what an obligation of the day still lacks
            topped = lacking.index.to_numpy()
            more = (-lacking.to_numpy() // 10_000 + 1) * 10_000
            account = np.r_[account, topped]
            second = np.r_[second, np.full(len(topped), 5)]
            cents = np.r_[cents, more]
            summary = np.r_[summary, np.full(len(topped), _SUMMARY["deposit"])]
            channel = np.r_[channel, np.full(len(topped), _CHANNEL["CT"])]
            opposite = np.r_[opposite, np.full(len(topped), NOBODY)]
            order = np.argsort(account * 86_400 + second, kind="stable")
            account, second, cents, summary, channel, opposite = (
                column[order] for column in (account, second, cents, summary, channel, opposite)
            )
            running = self._running(account, cents)
        last = np.r_[np.flatnonzero(np.diff(account)), len(account) - 1]
        changed = account[last]
        self.balance[changed] = running[last]
        stamp = str(calendar_number(np.array([number]))[0])
        nobody = opposite == NOBODY
        other = pa.array(opposite, mask=nobody)
        columns: dict[str, pa.Array | str] = {
            "txn_seq": padded(np.arange(1, len(account) + 1), 9, f"T{stamp}"),
            "acct_id": self._identifier.take(pa.array(account)),
            "post_dt": stamp,
            "txn_tm": pc.binary_join_element_wise(stamp, clock_text(second), ""),
            "txn_amt": money(cents),
            "bal_amt": money(running),
            "chnl_cd": _CHANNEL_CODES.take(pa.array(channel)),
            "memo_cd": _SUMMARY_CODES.take(pa.array(summary)),
            "opp_acct_no": self._opposite_numbers.take(other),
            "opp_acct_nm": self._opposite_names.take(other),
            "opp_bank": self._opposite_banks.take(other),
        }
        return PostingDay(columns, cents, changed)

    def _running(self, account: Ints, cents: Ints) -> Ints:
        """Balance after each posting; `account` is sorted."""
        starts = np.r_[True, np.diff(account) != 0]
        total = np.cumsum(cents)
        before = total[starts] - cents[starts]
        sizes = np.diff(np.r_[np.flatnonzero(starts), len(account)])
        balances: Ints = total - np.repeat(before, sizes) + self.balance[account]
        return balances
