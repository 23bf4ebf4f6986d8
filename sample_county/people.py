"""The registered population: households, village rosters, social-security cards."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from sample_county import parameters as p
from sample_county.identifiers import NULL_DAY, Ints, day_number, phones, resident_ids
from sample_county.names import full_names, surnames
from sample_county.places import Places
from sample_county.randomness import apportion, stream

HEAD, SPOUSE, CHILD, PARENT, OTHER = range(5)


@dataclass(frozen=True)
class People:
    """frame: one row per person, ordered by household, with birth (day), is_male, age, village, household, member,
    relation, on_roster, phone_serial, issuer (card: 0 none, 1 own, 2 other), group. The texts are separate arrays."""

    frame: pd.DataFrame
    name: pa.Array
    id_number: pa.Array
    phone: pa.Array
    roster_households: int

    def __len__(self) -> int:
        return len(self.frame)


def _members(random: np.random.Generator, households: int, people: int) -> tuple[Ints, Ints]:
    """Household of each person and place within it, 0 the head; every household has one person at least."""
    sizes = 1 + random.multinomial(people - households, np.full(households, 1 / households))
    household = np.repeat(np.arange(households), sizes)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return household, np.arange(people) - starts


def make_people(places: Places, scale: float, seed: int, first: date) -> People:
    """The county's people as of `first`."""
    random = stream(seed, "people")
    population = p.scaled(p.REGISTERED_POPULATION, scale)
    roster_people = p.scaled(p.ROSTER_PEOPLE, scale)
    roster_households = p.scaled(p.ROSTER_HOUSEHOLDS, scale)
    others = population - roster_people
    other_households = max(1, round(others / p.OTHER_HOUSEHOLD_SIZE))

    household, member = _members(random, roster_households, roster_people)
    other_household, other_member = _members(random, other_households, others)
    household = np.r_[household, other_household + roster_households]
    member = np.r_[member, other_member]
    villages = places.villages
    roster_village = np.repeat(
        np.arange(len(villages)), apportion(roster_households, villages["roster_weight"].to_numpy(), least=1)
    )
    other_village = np.repeat(
        np.arange(len(villages)), apportion(other_households, villages["other_weight"].to_numpy())
    )
    village = np.r_[roster_village, other_village][household]

    n = population
    households = roster_households + other_households
    head_age = random.normal(52, 13, households)
    head_age = np.where((head_age < 24) | (head_age > 85), random.uniform(24, 85, households), head_age)
    head_male = random.random(households) < 0.8
    draw = random.random(n)
    relation = np.select(
        [member == 0, (member == 1) & (draw < 0.9)],
        [HEAD, SPOUSE],
        np.where(draw < 0.62, CHILD, np.where(draw < 0.9, PARENT, OTHER)),
    )
    relation = np.where((relation == PARENT) & (head_age[household] > 66), CHILD, relation)
    gap = np.select(
        [relation == HEAD, relation == SPOUSE, relation == CHILD, relation == PARENT],
        [0, random.normal(-1, 3, n), random.uniform(-34, -22, n), random.uniform(22, 30, n)],
        random.uniform(-30, 10, n),
    )
    age = head_age[household] + gap
    # Redrawn, not clipped to the bounds: a thousand people born on one day would run out of serial numbers.
    age = np.where(age < 0.1, random.uniform(0.1, 14, n), np.where(age > 95, random.uniform(80, 95, n), age))
    birth = (day_number(first) - age * 365.25).astype(np.int64)
    is_male = np.where(
        relation == HEAD,
        head_male[household],
        np.where(relation == SPOUSE, ~head_male[household], random.random(n) < 0.51),
    )
    head_surname = surnames(random, households)
    surname = np.where(
        (relation == HEAD) | ((relation == CHILD) & head_male[household]) | ((relation == PARENT) & is_male),
        head_surname[household],
        surnames(random, n),
    )

    # Children and many of the old give the phone of the household's head.
    shares_phone = (age < 12) | ((age > 72) & (random.random(n) < 0.5) & (relation != HEAD))
    head_row = np.zeros(households, dtype=np.int64)
    head_row[household[member == 0]] = np.flatnonzero(member == 0)
    phone_serial = np.where(shares_phone, head_row[household], np.arange(n)) + 1

    issuer = np.zeros(n, dtype=np.int64)
    holders = random.permutation(n)[: p.scaled(p.CARDS_ALL, scale)]
    issuer[holders] = 2
    issuer[holders[: p.scaled(p.CARDS_OWN, scale)]] = 1

    frame = pd.DataFrame(
        {
            "birth": birth,
            "is_male": is_male,
            "age": np.floor(age).astype(np.int64),
            "village": village,
            "town": villages["town"].to_numpy()[village],
            "household": household,
            "member": member + 1,
            "relation": relation,
            "on_roster": household < roster_households,
            "head": head_row[household],
            "issuer": issuer,
            "group": random.integers(1, 9, households)[household],
        }
    )
    return People(
        frame,
        full_names(random, surname, is_male),
        resident_ids(places.divisions.code, birth, is_male),
        phones(phone_serial),
        roster_households,
    )


def no_day(n: int) -> Ints:
    """n missing dates."""
    return np.full(n, NULL_DAY, dtype=np.int64)
