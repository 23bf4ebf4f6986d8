"""What comes back from the field: contacts, visits, refusals and authorisations."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from sample_county import parameters as p
from sample_county.customers import Customers
from sample_county.identifiers import NULL_DAY, Ints, day_number
from sample_county.lending import CONTACT_LISTS, Lending, batch_days
from sample_county.places import Places, Staff
from sample_county.randomness import stream
from sample_county.visits import make_visits

CHANNELS = ("短信", "电话", "上门", "微信")


@dataclass(frozen=True)
class Marketing:
    """since: 0 first load, k: k-th delta day. Days are since 1970-01-01.

    contact: customer, day, second, list_code, batch_id, channel, result, manager, since.
    pushed_row: customer, list_code, batch_id, pushed (day), is_held, village (row, -1 where customers were drawn
    one by one), channel, manager, since: what the bank's former list system hands over.
    visit: see make_visits.
    opt_out: customer, channel, day, since. authorisation: customer, purpose, channel, granted, expires, revoked, since.
    """

    contact: pd.DataFrame
    pushed_row: pd.DataFrame
    visit: pd.DataFrame
    opt_out: pd.DataFrame
    authorisation: pd.DataFrame


def make_marketing(
    places: Places,
    staff: Staff,
    customers: Customers,
    lending: Lending,
    scale: float,
    seed: int,
    first: date,
    deltas: int,
) -> Marketing:
    """Ten pushed batches, visits, refusals and permissions; some of each on every delta day."""
    random = stream(seed, "marketing")
    today = day_number(first)
    rows = customers.frame
    manager_of = np.where(rows["manager"] >= 0, rows["manager"], staff.village_manager[rows["village"]])
    person = (rows["person"] >= 0) & ~rows["is_duplicate"]
    known = np.flatnonzero(person & (rows["since"] == 0))
    firms = np.flatnonzero((rows["person"] < 0) & (rows["since"] == 0))

    pushed_row = _pushed_rows(lending, today, rows["village"].to_numpy(), manager_of)
    pushed = lending.contacts
    n = len(pushed)
    credited = pushed["credited"].to_numpy()
    draw = random.random(n)
    result = np.select(
        [credited, draw < 0.35, draw < 0.75, draw < 0.9], ["已申请", "未触达", "已触达", "拒绝"], "有意向"
    )
    parts = [
        pd.DataFrame(
            {
                "customer": pushed["customer"], "day": pushed["day"], "second": random.integers(9, 18, n) * 3600,
                "list_code": pushed["list_code"], "batch_id": _batch_ids(pushed, today),
                "channel": random.choice(CHANNELS, n, p=[0.3, 0.45, 0.2, 0.05]), "result": result, "since": 0,
            }
        )
    ]  # fmt: skip
    for delta in range(1, deltas + 1):
        count = p.scaled(p.CONTACTS_DAY, scale, least=4)
        who = random.choice(known, min(count, len(known)), replace=False)
        codes = np.array(CONTACT_LISTS)[random.integers(0, len(CONTACT_LISTS), len(who))]
        last_batch = date.fromordinal(first.toordinal() + delta - 1).strftime("%Y%m%d")
        parts.append(
            pd.DataFrame(
                {
                    "customer": who, "day": today + delta, "second": random.integers(9, 18, len(who)) * 3600,
                    "list_code": codes, "batch_id": [f"{c}-{last_batch}" for c in codes], "channel": "电话",
                    "result": random.choice(["未触达", "已触达", "拒绝", "有意向"], len(who), p=[0.35, 0.4, 0.1, 0.15]),
                    "since": delta,
                }
            )
        )  # fmt: skip
    contact = pd.concat(parts, ignore_index=True)
    contact["manager"] = manager_of[contact["customer"]]

    visit = make_visits(places, staff, customers, scale, seed, today, deltas)

    def refusals(who: Ints, since: int) -> pd.DataFrame:
        size = len(who)
        day = today - random.integers(1, 700, size) if since == 0 else np.full(size, today + since)
        return pd.DataFrame(
            {
                "customer": who,
                "channel": random.choice([*CHANNELS, "全部"], size, p=[0.3, 0.3, 0.1, 0.1, 0.2]),
                "day": day,
                "since": since,
            }
        )

    refuser = random.permutation(known)
    count = p.scaled(len(known) * p.OPT_OUT_SHARE, 1.0, least=3)
    opt_outs = [refusals(np.sort(refuser[:count]), 0)]
    for delta in range(1, deltas + 1):
        more = p.scaled(p.OPT_OUTS_DAY, scale)
        opt_outs.append(refusals(np.sort(refuser[count : count + more]), delta))
        count += more

    grants: list[pd.DataFrame] = []
    for purpose, share in (("营销", p.MARKETING_AUTHORISED_SHARE), ("行为数据", p.BEHAVIOUR_AUTHORISED_SHARE)):
        # Firms are asked for the use of their data in marketing too, but leave no traces of personal behaviour.
        asked = np.r_[known, firms] if purpose == "营销" else known
        who = np.sort(random.permutation(asked)[: round(len(asked) * share)])
        size = len(who)
        granted = np.maximum(today - random.integers(5, 1000, size), rows["opened"].to_numpy()[who])
        expires = granted + 1095
        late = np.flatnonzero((random.random(size) < 0.02) & (granted < today - 370))
        expires[late] = granted[late] + 365
        soon = np.flatnonzero(granted < today - 990)  # given for a shorter time: they run out within the month
        expires[soon] = today + 5 + granted[soon] % 20
        revoked = np.where(
            (random.random(size) < 0.01) & (granted < today - 10), today - random.integers(0, 9, size), NULL_DAY
        )
        grants.append(
            pd.DataFrame(
                {
                    "customer": who,
                    "purpose": purpose,
                    "channel": "全部",
                    "granted": granted,
                    "expires": expires,
                    "revoked": revoked,
                    "since": 0,
                }
            )
        )
    new = np.flatnonzero(person & (rows["since"] > 0))
    new = new[: max(1, round(len(new) * p.MARKETING_AUTHORISED_SHARE))]
    opened = rows["opened"].to_numpy()[new]
    grants.append(
        pd.DataFrame(
            {
                "customer": new, "purpose": "营销", "channel": "全部", "granted": opened, "expires": opened + 1095,
                "revoked": NULL_DAY, "since": rows["since"].to_numpy()[new],
            }
        )
    )  # fmt: skip
    return Marketing(
        contact, pushed_row, visit, pd.concat(opt_outs, ignore_index=True), pd.concat(grants, ignore_index=True)
    )


def _batch_ids(pushed: pd.DataFrame, today: int) -> Any:
    stamp = pd.DatetimeIndex(batch_days(today, pushed["batch"].to_numpy()).astype("datetime64[D]")).strftime("%Y%m%d")
    return pushed["list_code"].to_numpy().astype(object) + "-" + stamp.to_numpy()


def _pushed_rows(lending: Lending, today: int, village: Ints, manager_of: Ints) -> pd.DataFrame:
    pushed = lending.pushed
    customer = pushed["customer"].to_numpy()
    by_village = pushed["list_code"].isin(p.LIST_VILLAGE_BATCHES)
    return pd.DataFrame(
        {
            "customer": customer, "list_code": pushed["list_code"], "batch_id": _batch_ids(pushed, today),
            "pushed": batch_days(today, pushed["batch"].to_numpy()), "is_held": pushed["is_held"],
            "village": np.where(by_village, village[customer], -1), "channel": "电话",
            "manager": manager_of[customer], "since": 0,
        }
    )  # fmt: skip
