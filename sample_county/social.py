"""Social security: cards, benefits, contributions and the housing fund."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from sample_county.economy import Employers
from sample_county.identifiers import NULL_DAY, Ints, day_number
from sample_county.people import People
from sample_county.randomness import stream

OWN_BANK = "SFNS"
OTHER_BANKS = ("ICBC", "ABC ", "BOC ", "CCB ", "PSBC")


@dataclass(frozen=True)
class SocialSecurity:
    """card: person, bank, issued, state, used (days). benefit: person, kind (source code), cents a month.

    fund: row of Employers.employees with a housing fund account, yuan a month."""

    card: pd.DataFrame
    benefit: pd.DataFrame
    fund: pd.DataFrame


def make_social_security(
    people: People, employers: Employers, of_person: Ints, seed: int, first: date
) -> SocialSecurity:
    """Cards of all issuers and what is paid monthly; `of_person` says who is a customer."""
    random = stream(seed, "social security")
    frame = people.frame
    today = day_number(first)
    holder = np.flatnonzero(frame["issuer"] > 0)
    n = len(holder)
    own = frame["issuer"].to_numpy()[holder] == 1
    customer = of_person[holder] >= 0
    draw = random.random(n)
    # Own cards of people without an account were never activated: the dormant cards that a list works on.
    state = np.where(draw < 0.01, "3", np.where((own & ~customer) | (draw < 0.08), "0", "1"))
    issued = today - random.integers(100, 4000, n)
    issued = np.maximum(issued, np.minimum(frame["birth"].to_numpy()[holder] + 30, today - 1))
    idle = np.where(random.random(n) < 0.8, random.integers(0, 90, n), random.integers(90, 500, n))
    used = np.where(state == "1", today - idle, NULL_DAY)
    used = np.where((used != NULL_DAY) & (used < issued), issued, used)
    card = pd.DataFrame(
        {
            "person": holder,
            "bank": np.where(own, OWN_BANK, np.array(OTHER_BANKS)[random.integers(0, len(OTHER_BANKS), n)]),
            "issued": issued,
            "state": state,
            "used": used,
        }
    )
    age = frame["age"].to_numpy()
    town = frame["on_roster"].to_numpy()
    pensioner = np.flatnonzero((age >= 60) & (random.random(len(frame)) < 0.9))
    yuan = np.where(
        town[pensioner], random.integers(220, 700, len(pensioner)), random.integers(1800, 4500, len(pensioner))
    )
    subsidised = np.flatnonzero((frame["member"] == 1) & town & (random.random(len(frame)) < 0.15))
    jobless = np.flatnonzero((age >= 22) & (age < 58) & (random.random(len(frame)) < 0.003))
    benefit = pd.DataFrame(
        {
            "person": np.r_[pensioner, subsidised, jobless],
            "kind": np.repeat(["01", "02", "03"], [len(pensioner), len(subsidised), len(jobless)]),
            "cents": np.r_[yuan, random.integers(60, 400, len(subsidised)), np.full(len(jobless), 1590)] * 100,
        }
    )
    staff = employers.employees
    share = np.where(employers.frame["admission_class"].to_numpy()[staff["employer"]] <= 11, 0.95, 0.35)
    member = np.flatnonzero(random.random(len(staff)) < share)
    fund = pd.DataFrame({"employee": member, "yuan": (staff["monthly_yuan"].to_numpy()[member] * 24 // 100)})
    return SocialSecurity(card, benefit, fund)
