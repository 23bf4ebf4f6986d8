"""Make the sample county: the inbox of the sample bank, its acquiring database, and the truth for tests."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from qianmo.errors import ConfigurationError
from sample_county import parameters as p
from sample_county.acquiring_database import acquiring_database
from sample_county.arrival import set_arrivals
from sample_county.core_files import balance_columns, write_accounts, write_customers, write_organisation
from sample_county.county import County, make_county
from sample_county.credit_files import make_roster, write_credit_day, write_decisions, write_rosters
from sample_county.divisions import Divisions
from sample_county.identifiers import day_number
from sample_county.other_files import (
    social_folder,
    write_external,
    write_marketing,
    write_master,
    write_social_security,
)
from sample_county.postings import Ledger, faulty
from sample_county.trade import trade
from sample_county.truth import write_records, write_truth
from sample_county.writing import unload

SOURCES = ("core", "social_security", "credit", "external", "marketing", "master")
Progress = Callable[[str], None]


def generate(
    out: Path,
    scale: float,
    seed: int,
    first: date,
    last: date,
    postgres_dir: Path,
    truth_dir: Path,
    progress: Progress | None = None,
    divisions: Divisions | None = None,
) -> None:
    """Write the deliveries of every date from `first` to `last`; what an earlier generation wrote is replaced.

    Args:
        out: inbox of the sample bank.
        scale: 1.0 is the county of S2; the smallest useful is 0.001.
        seed: the same seed, scale and dates give the same bytes.
        first: full load, with 182 days of postings before it; the later dates carry changes.
        postgres_dir: data folder of the acquiring PostgreSQL.
        truth_dir: what was planted and the figures that must come out; for tests alone.
        divisions: the towns and villages; without any those of 兴化.

    Raises:
        ConfigurationError: scale or dates are out of range.
    """
    if not 0.001 <= scale <= 2:
        raise ConfigurationError(f"scale: expected 0.001 to 2, found {scale}")
    if last < first:
        raise ConfigurationError(f"dates: expected --to on or after --from {first}, found {last}")

    def say(message: str) -> None:
        if progress:
            progress(message)

    say(f"county at scale {scale}, seed {seed}")
    county = make_county(scale, seed, first, last, divisions)
    say(
        f"{len(county.people):,} people, {len(county.customers.frame):,} customers, {len(county.accounts.frame):,}"
        f" accounts, {len(county.merchants.frame):,} merchants, {len(county.lending.line):,} credit lines"
    )
    for source in SOURCES:
        shutil.rmtree(out / source, ignore_errors=True)
    roster = make_roster(county)
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    for business_date in days:
        stamp = f"{business_date:%Y%m%d}"
        core = out / "core" / stamp
        write_organisation(county, core, business_date)
        write_customers(county, core, business_date)
        write_accounts(county, core, business_date)
        write_credit_day(county, out / "credit" / stamp, business_date)
        write_rosters(county, roster, out / "credit" / stamp / "roster", business_date)
        write_external(county, out / "external" / stamp, business_date)
        write_marketing(county, out / "marketing" / stamp, business_date)
        write_master(county, out / "master" / stamp, business_date)
        write_decisions(county, roster, out / "master" / stamp, business_date)
        if folder := social_folder(out, business_date, business_date == first):
            write_social_security(county, folder, business_date, business_date == first)
        say(f"{business_date}: customers, credit, external, marketing and master files")
    postings = _write_postings(county, out, postgres_dir, say)
    write_truth(county, roster, postings, truth_dir, out)
    write_records(county, roster, truth_dir)
    set_arrivals(out, days)
    say(f"done: {postings:,} postings")


def _write_postings(county: County, out: Path, postgres_dir: Path, say: Progress) -> int:
    """The ledger and the acquiring transactions, one day at a time; returns the number of postings."""
    start = county.first - timedelta(days=p.HISTORY_DAYS)
    deltas = (county.last - county.first).days
    ledger = Ledger(
        county.people, county.customers, county.accounts, county.employers, county.merchants, county.chains,
        county.lending, county.customer_names, county.social.benefit[county.social.benefit["kind"] == "01"],
        county.scale, county.seed, start, county.first, deltas,
    )  # fmt: skip
    identifier = county.accounts.identifier
    opened = county.accounts.frame["opened"].to_numpy()
    existing = np.flatnonzero(county.accounts.frame["since"] == 0)
    emitted_day = np.maximum(opened, day_number(start) - 1)
    changed_day = emitted_day.copy()
    postings = 0
    with ExitStack() as open_files:
        database = open_files.enter_context(acquiring_database(postgres_dir))
        database.load_merchants(county)
        stamp = f"{county.first:%Y%m%d}"
        transactions = open_files.enter_context(unload(out / "core" / stamp, "transaction", county.first))
        balances = open_files.enter_context(unload(out / "core" / stamp, "account_balance", county.first))
        opening = ledger.balance[existing]
        balances.write(balance_columns(identifier, existing, emitted_day[existing], opening), opening)
        for trading in trade(county.merchants, county.scale, county.seed, start, county.last):
            day = start + timedelta(days=trading.day - day_number(start))
            database.load_day(trading)
            posted = ledger.advance(trading)
            postings += len(posted.cents)
            if day > county.first:
                folder = out / "core" / f"{day:%Y%m%d}"
                with unload(folder, "transaction", day) as file:
                    file.write(posted.columns, posted.cents)
                    file.write(*faulty(posted, day))
                with unload(folder, "account_balance", day) as file:
                    cents = ledger.balance[posted.changed]
                    file.write(
                        balance_columns(identifier, posted.changed, np.full(len(cents), trading.day), cents), cents
                    )
                say(f"{day}: {len(posted.cents):,} postings")
                continue
            transactions.write(posted.columns, posted.cents)
            changed_day[posted.changed] = trading.day
            # Balances of the history: as last changed before each month's end, the day before the first, and the first.
            tomorrow = day + timedelta(days=1)
            if tomorrow.day == 1 or tomorrow >= county.first:
                moved = np.flatnonzero(changed_day > emitted_day)
                balances.write(
                    balance_columns(identifier, moved, changed_day[moved], ledger.balance[moved]), ledger.balance[moved]
                )
                emitted_day[moved] = changed_day[moved]
            if tomorrow.day == 1 or day == county.first:
                say(f"{day}: {postings:,} postings so far")
    return postings
