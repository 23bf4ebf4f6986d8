"""Core enterprises 核心企业 with regular suppliers and buyers, who pay one another through the bank."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sample_county import parameters as p
from sample_county.customers import Accounts, Customers
from sample_county.economy import Entities
from sample_county.randomness import stream


@dataclass(frozen=True)
class SupplyChains:
    """frame: core and partner (customers), is_upstream (the partner supplies, so the core pays), day (1 to 14: paid on
    that day of the month and a fortnight later), cents (each payment). A partner belongs to one core."""

    frame: pd.DataFrame


def make_supply_chains(
    entities: Entities, customers: Customers, accounts: Accounts, scale: float, seed: int
) -> SupplyChains:
    """Companies as cores; partners are other firms and persons who own a business. All assumed: S2 names no chain."""
    random = stream(seed, "supply chains")
    rows = customers.frame
    owner = entities.frame["owner"].to_numpy()
    is_company = np.zeros(len(rows), dtype=bool)
    has_account = customers.of_entity >= 0
    is_company[customers.of_entity[has_account & (entities.frame["kind"] == "91").to_numpy()]] = True
    cores = random.permutation(np.flatnonzero(is_company))[: p.scaled(p.CORE_ENTERPRISES, scale, least=2)]
    core_owner = customers.of_person[owner[rows["entity"].to_numpy()[cores]]]
    firms = np.setdiff1d(customers.of_entity[has_account], cores)
    owners = customers.of_person[owner]
    asleep = np.flatnonzero(~accounts.frame["is_main"].to_numpy()[accounts.main_of] | (rows["since"] > 0))
    owners = np.setdiff1d(owners[owners >= 0], np.r_[core_owner, asleep])
    partners = random.permutation(np.r_[firms, owners])[: len(cores) * p.CORE_PARTNERS]
    n = len(partners)
    yuan = np.clip(np.round(random.lognormal(np.log(40_000), 0.5, n), -2), 20_000, 400_000).astype(np.int64)
    return SupplyChains(
        pd.DataFrame(
            {
                "core": cores[np.arange(n) % len(cores)],
                "partner": partners,
                "is_upstream": np.arange(n) // len(cores) % 2 == 0,
                "day": random.integers(1, 15, n),
                "cents": yuan * 100,
            }
        )
    )
