"""Credit lines, loans, repayments, guarantees and applications."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from sample_county import parameters as p
from sample_county.customers import Customers
from sample_county.economy import Merchants, VillageCredit
from sample_county.experiment import make_experiment
from sample_county.identifiers import NULL_DAY, Ints, day_number
from sample_county.people import People
from sample_county.randomness import apportion, stream

CONTACT_LISTS = (
    "credited_not_drawn",
    "whitelisted_not_applied",
    "grid_without_credit",
    "mortgage_consumer_loan",
    "deposit_wealth_quality",
    "credit_card_quality",
    "loan_maturing",
    "settled_good_standing",
    "acquiring_active",
    "payroll_employees",
)
PIPELINE_LIST = "referral_seed"
BATCH_EVERY_DAYS = 30
LAST_BATCH_DAYS_AGO = 15
"""So that some customers were contacted too recently for the next list."""
STAGES = ("营销", "受理", "调查", "审贷分析", "审批", "拨付", "贷后")


@dataclass(frozen=True)
class Lending:
    """Days are since 1970-01-01, money in cents.

    line: customer, product, limit, approved, signed, expiry, channel, rate, rate_type, state, group, list_code.
    loan: line, amount, disbursed, matures, settled (NULL_DAY when open; may lie on a delta day), overdue_class
    (0 none).
    repayment: loan, day, principal, interest; ordered by day.
    guarantee: line, guarantor (person), amount.
    event: application, customer, product, stage, day, second, channel, list_code, amount, referrer (customer or -1);
    ordered by day.
    pushed: customer, batch, day, is_held, credited, list_code: the ten batches, of those credited after it and then of
    the others; nobody contacted who was held back (is_held).
    """

    line: pd.DataFrame
    loan: pd.DataFrame
    repayment: pd.DataFrame
    guarantee: pd.DataFrame
    event: pd.DataFrame
    pushed: pd.DataFrame
    cheats: Ints

    @property
    def contacts(self) -> pd.DataFrame:
        """The rows that were pushed and contacted."""
        return self.pushed[~self.pushed["is_held"]].reset_index(drop=True)


def _month_days(start: Ints, months: Ints) -> Ints:
    """The day `months` later with the same day of the month, at most the 28th."""
    stamps = start.astype("datetime64[D]")
    month = stamps.astype("datetime64[M]")
    day_of_month = np.minimum((stamps - month.astype("datetime64[D]")).astype(np.int64), 27)
    days: Ints = (month + months).astype("datetime64[D]").astype(np.int64) + day_of_month
    return days


def batch_days(today: int, batch: Ints) -> Ints:
    """The day each of the ten batches was pushed."""
    return today - LAST_BATCH_DAYS_AGO - BATCH_EVERY_DAYS * (p.LIST_BATCHES - 1 - batch)


def make_lending(
    people: People,
    credit: VillageCredit,
    customers: Customers,
    merchants: Merchants,
    scale: float,
    seed: int,
    first: date,
    deltas: int,
) -> Lending:
    """All lending up to the last delta day. Main entities keep S2's ratios on every date: only others change later."""
    random = stream(seed, "lending")
    today = day_number(first)
    rows = customers.frame
    person = rows["person"].to_numpy()
    age = np.where(person >= 0, people.frame["age"].to_numpy()[person], 0)
    sound = (
        (rows["risk"] == 0) & ~rows["is_deceased"] & ~rows["is_staff"] & ~rows["is_duplicate"] & (rows["since"] == 0)
    )
    sound &= rows["id_form"] != 2
    able = (person >= 0) & (age >= 22) & (age <= 62) & sound.to_numpy()
    able[customers.of_person[np.intersect1d(credit.main, person[person >= 0])]] = False
    pool = list(random.permutation(np.flatnonzero(able)))

    def draw_customers(figure: float, least: int = 1) -> Ints:
        nonlocal pool
        count = min(p.scaled(figure, scale, least), len(pool))
        chosen, pool = pool[:count], pool[count:]
        return np.array(chosen, dtype=np.int64)

    lines: list[pd.DataFrame] = []
    loans: list[pd.DataFrame] = []
    line_count = 0

    def add_lines(customer: Ints, product: str, limit_yuan: Ints, signed: Ints, group: str, **more: Any) -> Ints:
        nonlocal line_count
        n = len(customer)
        base: dict[str, Any] = {
            "customer": customer,
            "product": product,
            "limit": limit_yuan * 100,
            "approved": signed - np.minimum(random.integers(0, 5, n), 4),
            "signed": signed,
            "expiry": signed + 1095,
            "channel": "线下",
            "rate": np.round(random.uniform(4.2, 6.8, n), 2) / 100,
            "rate_type": random.choice(["1", "2", "9"], n, p=[0.25, 0.35, 0.4]),
            "state": "10",
            "group": group,
            "list_code": "",
        }
        lines.append(pd.DataFrame(base | more))
        line_count += n
        return np.arange(line_count - n, line_count)

    def add_loans(line: Ints, amount_yuan: Ints, disbursed: Ints, months: Any = 12, **more: Any) -> None:
        base: dict[str, Any] = {
            "line": line,
            "amount": amount_yuan * 100,
            "disbursed": disbursed,
            "matures": _month_days(disbursed, np.broadcast_to(months, len(line)).astype(np.int64)),
            "settled": NULL_DAY,
            "overdue_class": 0,
            "installments": 0,
            "part_repaid": 0.0,
        }
        loans.append(pd.DataFrame(base | more))

    def tens_of_thousands(n: int, mean: float, low: int, high: int) -> Ints:
        return np.clip(np.round(random.lognormal(np.log(mean), 0.5, n)), low, high).astype(np.int64) * 10_000

    # Main entities (S2): drawn, then credited and undrawn.
    borrowers = customers.of_person[credit.credited]
    n = len(borrowers)
    limit = tens_of_thousands(n, 10, 3, 50)
    signed = today - random.integers(20, 900, n)
    expiring = random.random(n) < 0.08
    expiry = np.where(expiring, today + random.integers(3, 60, n), signed + 1095)
    signed = np.where(expiring, expiry - 1095, signed)
    # A third of those since the first batch came from the list for the whitelisted, so the application says.
    first_batch = batch_days(today, np.array([0]))[0]
    asked = np.where((np.arange(n) % 3 == 0) & (signed > first_batch), "whitelisted_not_applied", "")
    line = add_lines(borrowers, "LN_FARMER", limit, signed, "main", expiry=expiry, list_code=asked)
    drawn = np.arange(credit.drawn)
    amount = np.maximum(np.round(limit[drawn] * random.uniform(0.4, 1.0, len(drawn)), -3), 5000).astype(np.int64)
    disbursed = np.maximum(
        signed[drawn] + random.integers(0, 15, len(drawn)), today - random.integers(5, 355, len(drawn))
    )
    late = np.zeros(len(drawn), dtype=bool)
    late[
        random.permutation(np.flatnonzero(signed[drawn] < today - 500))[: p.scaled(len(drawn) * p.OVERDUE_SHARE, 1)]
    ] = True
    overdue_days = random.integers(2, 160, len(drawn))
    disbursed = np.where(late, today - overdue_days - 366, disbursed)
    overdue_class = np.where(late, np.select([overdue_days <= 90, overdue_days <= 130], [2, 3], 4), 0)
    add_loans(
        line[drawn], amount, disbursed, overdue_class=overdue_class,
        part_repaid=np.where(random.random(len(drawn)) < 0.3, 0.3, 0.0),
    )  # fmt: skip
    again = drawn[(signed[drawn] < disbursed - 330) & (random.random(len(drawn)) < 0.6)]
    earlier = signed[again] + random.integers(0, 15, len(again))
    add_loans(line[again], amount[again], earlier, months=9, settled=_month_days(earlier, np.full(len(again), 9)))

    # Online 阳光e贷 (S2): the customers credited after a list came from here.
    online = draw_customers(p.ONLINE_SIGNINGS)
    drawn_online = min(p.scaled(p.ONLINE_DRAWN, scale), len(online))
    from_list = min(p.scaled(p.LIST_CREDITED, scale), len(online))
    n = len(online)
    signed = today - random.integers(45, 700, n)
    owners = np.unique(customers.of_person[merchants.frame["owner"]])
    experiment = make_experiment(rows, owners, CONTACT_LISTS, today, seed)
    rest = p.scaled(p.LIST_ROWS, scale) - from_list
    batch, rest_batch = np.arange(from_list) % p.LIST_BATCHES, np.arange(rest) % p.LIST_BATCHES
    sizes = [np.bincount(numbers, minlength=p.LIST_BATCHES) for numbers in (batch, rest_batch)]
    held, held_credited = experiment.controls(sizes[0] + sizes[1], sizes[0])
    batch = np.r_[batch, np.repeat(np.arange(p.LIST_BATCHES), held_credited)]
    is_held = np.arange(len(batch)) >= from_list
    listed = experiment.choose_credited(online, batch, is_held)
    contacted = batch_days(today, batch) + random.integers(0, 3, len(batch))
    signed[listed] = np.minimum(contacted + random.integers(3, 20, len(batch)), today - 1)
    list_code = np.full(n, "", dtype=object)
    list_code[listed] = np.where(is_held, "", np.array(CONTACT_LISTS, dtype=object)[batch])
    limit = tens_of_thousands(n, 5, 1, 20)
    line = add_lines(
        online,
        "LN_ONLINE",
        limit,
        signed,
        "online",
        channel="线上",
        approved=signed,
        rate_type="9",
        list_code=list_code,
    )
    drawers = np.arange(drawn_online)
    amount = np.maximum(np.round(limit[drawers] * random.uniform(0.2, 0.9, len(drawers)), -2), 1000).astype(np.int64)
    add_loans(
        line[drawers],
        amount,
        np.minimum(np.maximum(signed[drawers], today - random.integers(2, 350, len(drawers))), today - 1),
    )
    pushed = [
        pd.DataFrame(
            {"customer": online[listed], "batch": batch, "day": contacted, "is_held": is_held, "credited": True}
        )
    ]

    buyers = draw_customers(p.MORTGAGES)
    n = len(buyers)
    limit = tens_of_thousands(n, 45, 15, 120)
    signed = today - random.integers(60, 2000, n)
    line = add_lines(buyers, "MG_HOUSE", limit, signed, "mortgage", expiry=_month_days(signed + 6, np.full(n, 240)))
    add_loans(line, limit, signed + 5, months=240, installments=240)

    # The pipeline (S2 1+N): landed ones hold a loan, the others an application that waits.
    landed = draw_customers(p.PIPELINE_LANDED)
    n = len(landed)
    thousands = apportion(round(p.PIPELINE_LANDED_AMOUNT * scale / 1000), random.lognormal(0, 0.5, n), least=10)
    signed = today - random.integers(20, 200, n)
    line_landed = add_lines(landed, "LN_MICRO", thousands * 1000, signed, "pipeline", list_code=PIPELINE_LIST)
    add_loans(line_landed, thousands * 1000, signed + random.integers(0, 8, n))

    shop_owner = np.unique(customers.of_person[merchants.frame["owner"]])
    shop_owner = random.permutation(np.intersect1d(shop_owner, np.array(pool, dtype=np.int64)))
    pos = shop_owner[: p.scaled(p.OTHER_LOAN_CUSTOMERS * 0.1, scale)]
    taken = set(pos.tolist())
    pool = [customer for customer in pool if customer not in taken]
    closing: Ints = np.array([], dtype=np.int64)
    for product, customer in (
        ("LN_POS", pos),
        ("LN_CONSUMER", draw_customers(p.OTHER_LOAN_CUSTOMERS * 0.55)),
        ("LN_MICRO", draw_customers(p.OTHER_LOAN_CUSTOMERS * 0.35)),
    ):
        n = len(customer)
        limit = tens_of_thousands(n, 15, 3, 100)
        signed = today - random.integers(10, 800, n)
        expiry = signed + 1095
        takes = np.flatnonzero(random.random(n) < 0.75)
        disbursed = np.maximum(signed[takes] + 3, today - random.integers(4, 360, len(takes)))
        matures = _month_days(disbursed, np.full(len(takes), 12))
        settled = np.full(len(takes), NULL_DAY, dtype=np.int64)
        if product == "LN_CONSUMER":  # a few are paid off, end or fall due on delta days and just after
            for delta in range(1, deltas + 1):
                those = np.arange((delta - 1) * p.scaled(20, scale), delta * p.scaled(20, scale))
                settled[those[those < len(takes)]] = today + delta
            ending, due = np.arange(min(4, n)), np.arange(min(2, len(takes)))
            expiry[n - len(ending) :] = today + 1 + ending
            matures[len(takes) - len(due) :] = today + max(deltas, 1) + due
        asked = np.where((np.arange(n) % 3 == 0) & (signed > first_batch), "grid_without_credit", "")
        line = add_lines(customer, product, limit, signed, "other", expiry=expiry, list_code=asked)
        add_loans(
            line[takes], np.round(limit[takes] * 0.8, -3).astype(np.int64), disbursed, settled=settled, matures=matures,
            part_repaid=np.where(random.random(len(takes)) < 0.4, 0.25, 0.0),
        )  # fmt: skip
        closing = np.r_[closing, customer]

    settled_customers = draw_customers(p.SETTLED_GOOD)
    n = len(settled_customers)
    done = today - random.integers(20, 700, n)
    limit = tens_of_thousands(n, 10, 3, 50)
    line = add_lines(
        settled_customers,
        "LN_CONSUMER",
        limit,
        done - 400,
        "settled",
        state=random.choice(["20", "90"], n),
        expiry=done + 5,
    )
    add_loans(line, limit, done - 360, settled=done)

    cheats = draw_customers(p.CHEATS, least=2)
    n = len(cheats)
    line = add_lines(cheats, "LN_MICRO", np.full(n, 200_000), today - random.integers(150, 400, n), "cheat")
    for days_ago in (130, 75, 28):
        taken_on = today - days_ago + random.integers(0, 9, n)
        add_loans(line, np.full(n, 200_000), taken_on, settled=taken_on + random.integers(0, 3, n))

    firms = np.flatnonzero((rows["entity"] >= 0).to_numpy() & sound.to_numpy())
    firms = random.permutation(firms)[: p.scaled(p.ENTERPRISE_LINES, scale)]
    n = len(firms)
    limit = tens_of_thousands(n, 150, 20, 1000)
    signed = today - random.integers(15, 700, n)
    line = add_lines(firms, "LN_ENTERPRISE", limit, signed, "enterprise")
    takes = np.flatnonzero(random.random(n) < 0.85)
    add_loans(
        line[takes], np.round(limit[takes] * 0.9, -4).astype(np.int64),
        np.maximum(signed[takes] + 4, today - random.integers(6, 350, len(takes))),
    )  # fmt: skip

    for delta in range(1, deltas + 1):  # signed, and for half of them drawn, on the day
        customer = draw_customers(p.NEW_LINES_DAY)
        n = len(customer)
        limit = tens_of_thousands(n, 8, 3, 30)
        when = np.full(n, today + delta)
        line = add_lines(customer, "LN_CONSUMER", limit, when, "delta", approved=when)
        half = np.arange((n + 1) // 2)
        add_loans(line[half], limit[half], when[half])

    # Approved, and the signature is still missing.
    waiting_to_sign = draw_customers(p.UNSIGNED_LINES, least=2)
    n = len(waiting_to_sign)
    approved = today - random.integers(1, 26, n)
    limit = tens_of_thousands(n, 8, 3, 30)
    add_lines(
        waiting_to_sign,
        "LN_CONSUMER",
        limit,
        np.full(n, NULL_DAY),
        "unsigned",
        approved=approved,
        expiry=approved + 1095,
    )

    all_lines = pd.concat(lines, ignore_index=True)
    all_lines["limit"] = all_lines["limit"].astype(np.int64)
    all_loans = pd.concat(loans, ignore_index=True)
    repayment = _repayments(all_loans, all_lines, random, today, deltas)
    event = _events(all_lines, all_loans, draw_customers, random, scale, today)
    event["referrer"] = _referrers(event, settled_customers, all_lines, seed)

    with_guarantee = np.flatnonzero(
        np.isin(all_lines["product"], ["LN_MICRO", "LN_ENTERPRISE"])
        | ((all_lines["product"] == "LN_FARMER") & (random.random(len(all_lines)) < 0.1))
    )
    guarantors = person[np.flatnonzero(able)]
    guarantee = pd.DataFrame(
        {
            "line": with_guarantee,
            "guarantor": random.choice(guarantors, len(with_guarantee)),
            "amount": all_lines["limit"].to_numpy()[with_guarantee],
        }
    )
    # The rest of the ten batches went to people who were not credited after it.
    unlined = np.setdiff1d(np.flatnonzero((person >= 0) & sound.to_numpy() & (age >= 18)), all_lines["customer"])
    batch = np.r_[rest_batch, np.repeat(np.arange(p.LIST_BATCHES), held - held_credited)]
    is_held = np.arange(len(batch)) >= rest
    chosen = experiment.choose_quiet(random.permutation(unlined), batch, is_held)
    # The batch for dormant credit went to those who had a line by then and still have not drawn on it.
    undrawn = all_lines[(all_lines["group"] == "main") & ~all_lines.index.isin(all_loans["line"])]
    dormant = np.flatnonzero(batch == CONTACT_LISTS.index("credited_not_drawn"))  # the first one
    holders = undrawn.loc[undrawn["signed"] < first_batch, "customer"]
    reached = random.permutation(holders.to_numpy())[: len(dormant)]
    chosen[random.permutation(dormant)[: len(reached)]] = reached
    pushed.append(
        pd.DataFrame(
            {
                "customer": chosen,
                "batch": batch,
                "day": batch_days(today, batch) + random.integers(0, 3, len(batch)),
                "is_held": is_held,
                "credited": False,
            }
        )
    )
    all_pushed = pd.concat(pushed, ignore_index=True)
    all_pushed["list_code"] = np.array(CONTACT_LISTS)[all_pushed["batch"]]
    return Lending(all_lines, all_loans, repayment, guarantee, event, all_pushed, cheats)


def _repayments(
    loans: pd.DataFrame, lines: pd.DataFrame, random: np.random.Generator, today: int, deltas: int
) -> pd.DataFrame:
    """Monthly interest, the principal of mortgages in instalments, part repayments, and all of it when settled."""
    amount, disbursed = loans["amount"].to_numpy(), loans["disbursed"].to_numpy()
    settled = loans["settled"].to_numpy()
    ends = np.where(settled == NULL_DAY, today + deltas, settled)
    ends = np.where(loans["overdue_class"] > 0, np.minimum(ends, loans["matures"].to_numpy() - 30), ends)
    monthly_rate = lines["rate"].to_numpy()[loans["line"]] / 12
    parts: list[pd.DataFrame] = []
    for month in range(1, 73):
        day = _month_days(disbursed, np.full(len(loans), month))
        pays = np.flatnonzero(day < ends + (settled == NULL_DAY))
        if not len(pays):
            break
        installments = loans["installments"].to_numpy()[pays]
        principal = np.where(installments > 0, amount[pays] // np.maximum(installments, 1), 0)
        owed = amount[pays] - principal * (month - 1)
        interest = np.round(owed * monthly_rate[pays]).astype(np.int64)
        parts.append(pd.DataFrame({"loan": pays, "day": day[pays], "principal": principal, "interest": interest}))
    part = np.flatnonzero((loans["part_repaid"] > 0) & (disbursed < today - 20) & (loans["installments"] == 0))
    day = disbursed[part] + 1 + (random.random(len(part)) * (today - disbursed[part] - 2)).astype(np.int64)
    paid = np.round(amount[part] * loans["part_repaid"].to_numpy()[part], -5).astype(np.int64)
    zero = np.zeros(len(part), dtype=np.int64)
    parts.append(pd.DataFrame({"loan": part, "day": day, "principal": paid, "interest": zero}))
    done = np.flatnonzero(settled != NULL_DAY)
    paid_before = np.bincount(part, weights=paid, minlength=len(loans)).astype(np.int64)
    days = np.minimum(settled[done] - disbursed[done], 31)
    interest = np.round(amount[done] * monthly_rate[done] * days / 30).astype(np.int64)
    parts.append(
        pd.DataFrame(
            {"loan": done, "day": settled[done], "principal": amount[done] - paid_before[done], "interest": interest}
        )
    )
    return pd.concat(parts, ignore_index=True).sort_values(["day", "loan"], kind="stable").reset_index(drop=True)


def _events(
    lines: pd.DataFrame,
    loans: pd.DataFrame,
    draw_customers: Any,
    random: np.random.Generator,
    scale: float,
    today: int,
) -> pd.DataFrame:
    """Applications of the last 400 days, those refused, and the part of the pipeline that has not landed."""
    chosen = np.flatnonzero(lines["approved"] >= today - 400)
    first_draw = loans.groupby("line")["disbursed"].min()
    disbursed = first_draw.reindex(chosen).fillna(NULL_DAY).to_numpy().astype(np.int64)
    approved = lines["approved"].to_numpy()[chosen]
    group = lines["group"].to_numpy()[chosen]
    fast = (group == "online") | (group == "delta")
    back = np.where(fast[:, None], 0, np.cumsum(random.integers(1, 6, (len(chosen), 4)), axis=1)[:, ::-1])
    application = np.arange(len(chosen))
    amount = lines["limit"].to_numpy()[chosen].copy()
    pipeline = group == "pipeline"
    waiting = draw_customers(p.PIPELINE - p.PIPELINE_LANDED)
    # 26.42亿 over the whole pipeline; what landed applied for what it got.
    rest = round(p.PIPELINE_AMOUNT * scale * 100) - int(amount[pipeline].sum())
    waiting_amount = (
        apportion(max(rest // 100_000, len(waiting)), random.lognormal(0, 0.4, len(waiting)), least=1) * 100_000
    )
    if len(waiting_amount):
        waiting_amount[0] += rest - int(waiting_amount.sum())
    refused = draw_customers(p.REJECTED_APPLICATIONS)
    refused_day = today - random.integers(5, 380, len(refused))
    waiting_day = today - random.integers(3, 90, len(waiting))
    parts: list[pd.DataFrame] = []

    def add(
        who: Ints, ids: Ints, stage: str, day: Ints, hour: int, product: Any, channel: Any, code: Any, cents: Ints
    ) -> None:
        parts.append(
            pd.DataFrame(
                {
                    "application": ids, "customer": who, "product": product, "stage": stage, "day": day,
                    "second": hour * 3600 + ids * 37 % 3600, "channel": channel, "list_code": code, "amount": cents,
                }
            )
        )  # fmt: skip

    who = lines["customer"].to_numpy()[chosen]
    product, channel = lines["product"].to_numpy()[chosen], lines["channel"].to_numpy()[chosen]
    code = lines["list_code"].to_numpy()[chosen]
    stage_day = {
        **{stage: approved - back[:, i] for i, stage in enumerate(STAGES[:4])},
        "审批": approved,
        "拨付": disbursed,
    }
    for hour, (stage, day) in enumerate(stage_day.items()):
        has = day != NULL_DAY
        add(who[has], application[has], stage, day[has], 9 + hour, product[has], channel[has], code[has], amount[has])
    aftercare = (disbursed != NULL_DAY) & (disbursed + 60 <= today)
    add(
        who[aftercare], application[aftercare], "贷后", disbursed[aftercare] + 60, 10, product[aftercare],
        channel[aftercare], code[aftercare], amount[aftercare],
    )  # fmt: skip
    ids = len(chosen) + np.arange(len(waiting))
    for hour, stage in enumerate(STAGES[:2]):
        add(waiting, ids, stage, waiting_day + hour, 9, "LN_MICRO", "线下", PIPELINE_LIST, waiting_amount)
    ids = len(chosen) + len(waiting) + np.arange(len(refused))
    asked = random.integers(3, 30, len(refused)) * 1_000_000
    for step, stage in enumerate(("营销", "受理", "调查", "否决")):
        add(refused, ids, stage, refused_day + step, 9 + step, "LN_CONSUMER", "线下", "", asked)
    return pd.concat(parts, ignore_index=True).sort_values(
        ["day", "application", "second"], kind="stable", ignore_index=True
    )


def _referrers(event: pd.DataFrame, settled: Ints, lines: pd.DataFrame, seed: int) -> Ints:
    """Who brought each application of the pipeline (S2 1+N 裂变): good borrowers, a few applications each; else -1."""
    random = stream(seed, "referrals")
    good = np.r_[settled, lines.loc[lines["group"] == "online", "customer"].to_numpy()]
    referred = np.unique(event.loc[event["list_code"] == PIPELINE_LIST, "application"])
    referrers = random.permutation(good)[: max(1, len(referred) // p.REFERRALS_EACH)]
    of_application = np.full(int(event["application"].max()) + 1, -1, dtype=np.int64)
    of_application[referred] = referrers[np.arange(len(referred)) % len(referrers)]
    return of_application[event["application"]]


def outstanding(lending: Lending, day: int) -> Ints:
    """Cents owed on each loan at the end of a day; zero before it is drawn."""
    paid = lending.repayment[lending.repayment["day"] <= day]
    repaid = np.bincount(paid["loan"], weights=paid["principal"], minlength=len(lending.loan))
    owed = lending.loan["amount"].to_numpy() - np.round(repaid).astype(np.int64)
    return np.where(lending.loan["disbursed"].to_numpy() <= day, owed, 0)
