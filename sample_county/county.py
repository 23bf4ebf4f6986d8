"""The whole county in memory, from which every file is written."""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from sample_county.customers import Accounts, Customers, make_accounts, make_customers, make_signups
from sample_county.divisions import Divisions, read_divisions
from sample_county.economy import (
    Employers,
    Entities,
    Merchants,
    VillageCredit,
    make_employers,
    make_entities,
    make_merchants,
    make_village_credit,
)
from sample_county.identifiers import Ints
from sample_county.lending import Lending, make_lending
from sample_county.marketing import Marketing, make_marketing
from sample_county.people import People, make_people
from sample_county.places import Places, Staff, make_places, make_staff
from sample_county.social import SocialSecurity, make_social_security
from sample_county.supply_chain import SupplyChains, make_supply_chains

import pandas as pd  # isort: skip


@dataclass(frozen=True)
class County:
    """Everything but the postings and the acquiring transactions, which are made day by day."""

    scale: float
    seed: int
    first: date
    last: date
    places: Places
    staff: Staff
    people: People
    credit: VillageCredit
    entities: Entities
    employers: Employers
    merchants: Merchants
    customers: Customers
    staff_person: Ints
    accounts: Accounts
    signups: pd.DataFrame
    chains: SupplyChains
    lending: Lending
    social: SocialSecurity
    marketing: Marketing

    @property
    def customer_names(self) -> pa.Array:
        """Name of each customer: the person's, the entity's or the employer's."""
        rows = self.customers.frame

        def named(names: pa.Array, column: str) -> pa.Array:
            index = rows[column].to_numpy()
            return names.take(pa.array(index, mask=index < 0))

        return pc.coalesce(
            named(self.people.name, "person"),
            named(self.entities.name, "entity"),
            named(self.employers.name, "employer"),
        )


def make_county(scale: float, seed: int, first: date, last: date, divisions: Divisions | None = None) -> County:
    """Build the county as of `first`, with what is added on the days up to `last`."""
    deltas = (last - first).days
    places = make_places(divisions or read_divisions(), scale, seed)
    staff = make_staff(places, scale)
    people = make_people(places, scale, seed, first)
    credit = make_village_credit(people, scale, seed)
    entities = make_entities(places, people, credit, scale, seed, first)
    employers = make_employers(people, credit, places, scale, seed)
    merchants = make_merchants(places, people, entities, scale, seed, first, deltas)
    customers, staff_person = make_customers(
        places, staff, people, credit, entities, employers, merchants, scale, seed, first, deltas
    )
    accounts = make_accounts(people, customers, employers, merchants, scale, seed, first)
    signups = make_signups(people, customers, accounts, employers, merchants, scale, seed, first)
    chains = make_supply_chains(entities, customers, accounts, scale, seed)
    lending = make_lending(people, credit, customers, merchants, scale, seed, first, deltas)
    social = make_social_security(people, employers, customers.of_person, seed, first)
    marketing = make_marketing(places, staff, customers, lending, scale, seed, first, deltas)
    return County(
        scale, seed, first, last, places, staff, people, credit, entities, employers, merchants, customers,
        staff_person, accounts, signups, chains, lending, social, marketing,
    )  # fmt: skip
