"""The bank's customers, their accounts and the products they signed."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sample_county import parameters as p
from sample_county.economy import NONE, Employers, Entities, Merchants, VillageCredit
from sample_county.identifiers import NULL_DAY, Ints, account_numbers, day_number, padded
from sample_county.people import People
from sample_county.places import Places, Staff
from sample_county.randomness import stream

ID_NORMAL, ID_FIFTEEN, ID_MISTYPED, ID_LOWER_X = range(4)


@dataclass(frozen=True)
class Customers:
    """frame: person, entity and employer (row or -1; exactly one is set), id_form, opened (day), village, town,
    manager (row of employees or -1), is_staff, is_deceased, risk (0 none, 1 grey, 2 black), since, is_duplicate.

    of_person, of_entity, of_employer: row of the customer, or -1. For persons the record in use, never the duplicate.
    """

    frame: pd.DataFrame
    number: pa.Array
    of_person: Ints
    of_entity: Ints
    of_employer: Ints


def make_customers(
    places: Places,
    staff: Staff,
    people: People,
    credit: VillageCredit,
    entities: Entities,
    employers: Employers,
    merchants: Merchants,
    scale: float,
    seed: int,
    first: date,
    deltas: int,
) -> tuple[Customers, Ints]:
    """Persons, enterprises and employers with the bank, duplicates, and those who join on delta days.

    Returns also the person of each employee.
    """
    random = stream(seed, "customers")
    frame = people.frame
    age = frame["age"].to_numpy()
    n = len(people)
    score = random.random(n)
    score += np.where(frame["issuer"] == 1, 0.5, 0.0) + np.where(age >= 18, 0.6, 0.0) + np.where(age > 85, -0.5, 0.0)
    score[credit.whitelist] += 0.3
    score[employers.employees["person"]] += 0.6
    score[entities.frame["owner"]] += 0.6
    score[merchants.frame["owner"]] += 10
    score[credit.credited] += 10
    order = np.argsort(-score, kind="stable")
    count = min(p.scaled(p.BANK_PERSONS, scale), n)
    persons = np.sort(order[:count])
    per_day = p.scaled(p.NEW_CUSTOMERS_DAY, scale, least=3)
    waiting = order[count:]
    waiting = waiting[age[waiting] >= 18][: deltas * per_day]
    joining = np.repeat(np.arange(1, deltas + 1), per_day)[: len(waiting)]

    today = day_number(first)
    risky = np.zeros(n, dtype=np.int64)
    plain = np.setdiff1d(persons, np.r_[credit.main, merchants.frame["owner"], entities.frame["owner"]])
    adults = random.permutation(plain[(age[plain] >= 25) & (age[plain] <= 60)])
    # Most of the staff bank where they work; at a small scale they would be a tenth of all customers.
    workers = adults[: min(len(staff.employees), len(persons) // 40)]
    grey = adults[len(workers) : len(workers) + p.scaled(3_300, scale, least=2)]
    black = adults[len(workers) + len(grey) :][: p.scaled(1_100, scale)]
    risky[grey], risky[black] = 1, 2
    old = random.permutation(plain[age[plain] >= 70])
    deceased = old[: p.scaled(4_400, scale, least=2)]
    ordinary = random.permutation(np.setdiff1d(plain, np.r_[workers, grey, black, deceased]))
    mistyped = ordinary[: p.scaled(p.MISTYPED_CORE_IDS, scale)]
    born_1900s = people.frame["birth"].to_numpy() < day_number(date(2000, 1, 1))
    twice = random.permutation(np.setdiff1d(persons[born_1900s[persons] & (age[persons] >= 30)], mistyped))
    twice = twice[: p.scaled(p.DUPLICATE_CUSTOMERS, scale, least=2)]

    business = np.flatnonzero((entities.frame["kind"] != "92") & (entities.frame["state"] == "存续"))
    business = business[random.random(len(business)) < 0.88]
    owner_village = entities.frame["village"].to_numpy()

    def part(**columns: object) -> pd.DataFrame:
        base = {"person": NONE, "entity": NONE, "employer": NONE, "since": 0, "is_duplicate": False}
        return pd.DataFrame(base | columns)

    main = pd.concat(
        [
            part(person=persons),
            part(person=twice, is_duplicate=True),
            part(entity=business),
            part(employer=np.arange(len(employers.frame))),
            part(person=waiting, since=joining),
        ],
        ignore_index=True,
    )
    total = len(main)
    person, entity = main["person"].to_numpy(), main["entity"].to_numpy()
    is_person = person >= 0
    main["village"] = np.select(
        [is_person, entity >= 0],
        [frame["village"].to_numpy()[person], owner_village[entity]],
        employers.frame["village"].to_numpy()[main["employer"]],
    )
    main["town"] = places.villages["town"].to_numpy()[main["village"]]
    opened = today - random.integers(10, 5000, total)
    # Nobody is a customer before the age of one, nor a business before it is registered.
    opened = np.where(is_person, np.maximum(opened, frame["birth"].to_numpy()[person] + 365), opened)
    opened = np.where(entity >= 0, np.maximum(opened, entities.frame["registered"].to_numpy()[entity] + 5), opened)
    opened = np.minimum(opened, today - 2)
    opened = np.where(main["is_duplicate"], today - random.integers(9_900, 10_400, total), opened)
    main["opened"] = np.where(main["since"] > 0, today + main["since"], opened)
    managed = random.random(total) < 0.85
    manager = staff.village_manager[main["village"]]
    main["manager"] = np.where(managed | ~is_person, manager, NONE)
    leaver = int(staff.employees.index[staff.employees["has_left"]][0])
    orphans = np.flatnonzero((main["town"] == 0) & is_person & managed)[: p.scaled(500, scale, least=3)]
    main.loc[orphans, "manager"] = leaver
    main["is_staff"] = np.isin(person, workers) & is_person
    main["is_deceased"] = np.isin(person, deceased) & is_person
    main["risk"] = np.where(is_person, risky[person], 0)
    lower_x = np.array(random.random(total) < 0.2)
    main["id_form"] = np.select(
        [main["is_duplicate"], np.isin(person, mistyped), lower_x], [ID_FIFTEEN, ID_MISTYPED, ID_LOWER_X], ID_NORMAL
    )
    of_person = np.full(n, NONE, dtype=np.int64)
    in_use = np.flatnonzero(is_person & ~main["is_duplicate"])
    of_person[person[in_use]] = in_use
    of_entity = np.full(len(entities.frame), NONE, dtype=np.int64)
    of_entity[entity[entity >= 0]] = np.flatnonzero(entity >= 0)
    employer = main["employer"].to_numpy()
    of_employer = np.full(len(employers.frame), NONE, dtype=np.int64)
    of_employer[employer[employer >= 0]] = np.flatnonzero(employer >= 0)
    number = padded(np.arange(1, total + 1) * 7 + 1000, 10, "C")
    elsewhere = np.setdiff1d(np.flatnonzero((age >= 25) & (age <= 60)), np.r_[persons, waiting, credit.main])
    colleagues = random.permutation(elsewhere)[: len(staff.employees) - len(workers)]
    return Customers(main, number, of_person, of_entity, of_employer), np.r_[workers, colleagues]


DEMAND, FIXED, NOTICE, MARGIN, WEALTH, CARD = "10", "20", "30", "40", "50", "60"


@dataclass(frozen=True)
class Accounts:
    """frame: customer, kind (source code), product, deposit_class, is_basic, opened, matures, status, opening (cents at
    the start of the history, or at `opened` when that is later), since, is_main (postings go here), merchant (row or
    -1), floor_target (cents the account is swept down to each day, or -1).

    main_of: row of the main demand account of each customer; settlement_of: of each merchant."""

    frame: pd.DataFrame
    number: pa.Array
    identifier: pa.Array
    main_of: Ints
    settlement_of: Ints


def make_accounts(
    people: People,
    customers: Customers,
    employers: Employers,
    merchants: Merchants,
    scale: float,
    seed: int,
    first: date,
) -> Accounts:
    """Demand accounts for all, and the fixed, notice, margin, wealth and card accounts of some."""
    random = stream(seed, "accounts")
    today = day_number(first)
    rows = customers.frame
    n = len(rows)
    is_person = (rows["person"] >= 0).to_numpy()
    age = np.where(is_person, people.frame["age"].to_numpy()[rows["person"]], 0)
    everyone = np.arange(n)
    regular = ~rows["is_duplicate"].to_numpy()
    opened = rows["opened"].to_numpy()
    since = rows["since"].to_numpy()

    def part(customer: Ints, **columns: object) -> pd.DataFrame:
        base: dict[str, object] = {
            "customer": customer,
            "is_basic": False,
            "opened": opened[customer],
            "matures": NULL_DAY,
            "status": "A",
            "since": since[customer],
            "is_main": False,
            "merchant": NONE,
            "floor_target": NONE,
        }
        return pd.DataFrame(base | columns)

    def cents(yuan: NDArray[np.float64]) -> Ints:
        return np.round(yuan * 100).astype(np.int64)

    sleeps = is_person & (random.random(n) < 0.06) & (since == 0)
    employed = np.zeros(n, dtype=bool)
    paid = customers.of_person[employers.employees["person"]]
    employed[paid[paid >= 0]] = True
    merchant_owner = customers.of_person[merchants.frame["owner"]]
    busy = np.zeros(n, dtype=bool)
    busy[merchant_owner[merchant_owner >= 0]] = True
    sleeps = (sleeps & ~employed & ~busy) | rows["is_duplicate"].to_numpy() | rows["is_deceased"].to_numpy()
    balance = np.where(is_person, random.lognormal(8.6, 1.3, n), random.lognormal(12.3, 1.1, n))
    balance = np.where(sleeps, random.lognormal(5.0, 1.2, n), balance)
    balance = np.where(since > 0, 0, balance)
    payer = rows["employer"].to_numpy() >= 0
    balance = np.where(payer, balance * 4, balance)
    demand = part(
        everyone,
        kind=DEMAND,
        product=np.where(is_person, "DP_DEMAND", "DP_CORPORATE"),
        deposit_class=np.where(is_person, "X", "J"),
        is_basic=~is_person,
        status=np.where(sleeps & (random.random(n) < 0.7), "D", "A"),
        opening=cents(balance),
        is_main=~sleeps,
    )
    stable = (since == 0) & regular

    def some(share: np.ndarray | float, mask: np.ndarray) -> Ints:
        return np.flatnonzero(mask & stable & (random.random(n) < share))

    saver = some(np.where(age >= 55, 0.45, 0.22), is_person & (age >= 18) & ~rows["is_deceased"].to_numpy())
    term = random.choice([90, 180, 365, 1095], len(saver), p=[0.1, 0.15, 0.5, 0.25])
    fixed_opened = np.maximum(today - random.integers(0, term), opened[saver])
    fixed = part(
        saver, kind=FIXED, product="DP_FIXED", deposit_class="X", opened=fixed_opened, matures=fixed_opened + term,
        opening=cents(np.round(random.lognormal(10.4, 0.9, len(saver)), -3) + 1000),
    )  # fmt: skip
    notice_owner = some(0.012, is_person & (age >= 25))
    notice = part(
        notice_owner, kind=NOTICE, product="DP_NOTICE", deposit_class="X",
        opening=cents(50_000 + np.round(random.lognormal(11.0, 0.8, len(notice_owner)), -3)),
    )  # fmt: skip
    firm = ~is_person
    firm_fixed_owner = some(0.12, firm)
    firm_fixed_opened = np.maximum(today - random.integers(0, 360, len(firm_fixed_owner)), opened[firm_fixed_owner])
    firm_fixed = part(
        firm_fixed_owner, kind=FIXED, product="DP_CORPORATE_FIXED", deposit_class="C", opened=firm_fixed_opened,
        matures=firm_fixed_opened + 365,
        opening=cents(np.round(random.lognormal(13.0, 0.8, len(firm_fixed_owner)), -4)),
    )  # fmt: skip
    margin_owner = some(0.1, firm)
    margin = part(
        margin_owner, kind=MARGIN, product="DP_MARGIN", deposit_class="B",
        opening=cents(np.round(random.lognormal(12.2, 0.7, len(margin_owner)), -3)),
    )  # fmt: skip
    investor = some(0.06, is_person & (age >= 25))
    wealth_opened = np.maximum(today - random.integers(5, 362, len(investor)), opened[investor])
    wealth = part(
        investor, kind=WEALTH, product="WM_STABLE", deposit_class="N", opened=wealth_opened,
        matures=wealth_opened + 365, opening=cents(np.round(random.lognormal(11.2, 0.7, len(investor)), -3) + 10_000),
    )  # fmt: skip
    carded = some(np.where(employed, 0.25, 0.06), is_person & (age >= 21) & (age <= 65))
    card = part(
        carded,
        kind=CARD,
        product="CC_STANDARD",
        deposit_class="N",
        opening=-cents(random.lognormal(7.2, 0.9, len(carded))),
    )

    # Merchants settle to an account of their own; S2's deposits of new and of crab merchants lie there.
    shops = merchants.frame
    firm_of = np.where(shops["entity"] >= 0, customers.of_entity[shops["entity"]], NONE)
    settles_to = np.where(firm_of >= 0, firm_of, customers.of_person[shops["owner"]])
    m = len(shops)
    is_new, is_crab = (shops["is_new"] & (shops["since"] == 0)).to_numpy(), (shops["market"] == "crab").to_numpy()
    target = cents(random.lognormal(10.0, 0.6, m))
    for chosen, total in ((is_new, p.NEW_MERCHANT_DEPOSITS), (is_crab, p.CRAB_DEPOSITS)):
        # A crab merchant's share follows its trade, so that the season's takings can fill it.
        weights = np.where(is_crab, shops["weight"], random.lognormal(0, 0.5, m))[chosen]
        shares = np.floor(weights / weights.sum() * round(total * scale * 100)).astype(np.int64)
        shares[0] += round(total * scale * 100) - shares.sum()
        target[chosen] = shares
    settlement = part(
        settles_to, kind=DEMAND, product="DP_SETTLEMENT", deposit_class="J", opened=shops["signed"].to_numpy(),
        since=shops["since"].to_numpy(), merchant=np.arange(m), floor_target=target,
        opening=np.where(shops["since"] > 0, 0, target),
    )  # fmt: skip
    frame = pd.concat([demand, fixed, notice, firm_fixed, margin, wealth, card, settlement], ignore_index=True)
    frame = frame.astype({"opening": np.int64, "matures": np.int64, "opened": np.int64, "since": np.int64})
    count = len(frame)
    settlement_of = np.arange(count - m, count)
    serial = np.arange(1, count + 1)
    return Accounts(frame, account_numbers(serial), padded(serial, 10, "A"), everyone, settlement_of)


def make_signups(
    people: People,
    customers: Customers,
    accounts: Accounts,
    employers: Employers,
    merchants: Merchants,
    scale: float,
    seed: int,
    first: date,
) -> pd.DataFrame:
    """customer, product, signed (day), cancelled (day), channel, since."""
    random = stream(seed, "signups")
    today = day_number(first)
    rows = customers.frame
    n = len(rows)
    is_person = (rows["person"] >= 0).to_numpy()
    person = rows["person"].to_numpy()
    age = np.where(is_person, people.frame["age"].to_numpy()[person], 0)
    regular = ~(rows["is_duplicate"] | rows["is_deceased"]).to_numpy()
    mobile = (
        regular & is_person & (age >= 16) & (random.random(n) < np.where(age < 45, 0.75, np.where(age < 65, 0.5, 0.12)))
    )
    mobile |= (rows["since"] > 0).to_numpy()
    parts: list[pd.DataFrame] = []

    def sign(chosen: Ints, product: str, channel: str) -> None:
        opened = rows["opened"].to_numpy()[chosen]
        since = rows["since"].to_numpy()[chosen]
        signed = opened + (random.random(len(chosen)) * np.maximum(today - opened, 0)).astype(np.int64)
        parts.append(
            pd.DataFrame({"customer": chosen, "product": product, "signed": signed, "channel": channel, "since": since})
        )

    sign(np.flatnonzero(mobile), "CH_MOBILE", "手机")
    cloud = random.permutation(np.flatnonzero(mobile & (rows["since"] == 0).to_numpy()))
    sign(np.sort(cloud[: p.scaled(69_500, scale)]), "CH_CLOUD", "手机")  # S2: "金融云柜台"注册人数突破6.95万人
    sign(np.flatnonzero(regular & is_person & (age >= 25) & (random.random(n) < 0.2)), "PM_UTILITY", "柜面")
    sign(np.flatnonzero(regular & is_person & (age >= 25) & (random.random(n) < 0.04)), "IN_AGENCY", "柜面")
    held = is_person & regular & (people.frame["issuer"].to_numpy()[person] == 1)
    sign(np.flatnonzero(held), "SS_CARD", "柜面")
    paid = customers.of_person[employers.employees["person"]]
    sign(np.unique(paid[paid >= 0]), "PY_PAYROLL", "柜面")
    firm = ~is_person
    sign(np.flatnonzero(firm & (random.random(n) < 0.6)), "CH_EBANK", "柜面")
    sign(np.flatnonzero(firm & (random.random(n) < 0.7)), "PM_TAX", "柜面")
    sign(customers.of_employer, "PY_PAYROLL", "柜面")
    sign(np.flatnonzero(firm & (random.random(n) < 0.05)), "CM_CASH", "网银")
    sign(np.flatnonzero(firm & (random.random(n) < 0.03)), "FX_SETTLEMENT", "柜面")
    settles_to = accounts.frame["customer"].to_numpy()[accounts.settlement_of]
    shops = pd.DataFrame(
        {
            "customer": settles_to, "product": "AC_QR", "signed": merchants.frame["signed"], "channel": "客户经理",
            "since": merchants.frame["since"],
        }
    )  # fmt: skip
    parts.append(shops.drop_duplicates("customer"))
    signups = pd.concat(parts, ignore_index=True)
    cancelled = (random.random(len(signups)) < 0.01) & (signups["since"] == 0) & (signups["product"] == "PM_UTILITY")
    signups["cancelled"] = np.where(cancelled, np.minimum(signups["signed"] + 100, today), NULL_DAY)
    return signups
