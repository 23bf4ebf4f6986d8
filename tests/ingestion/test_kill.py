"""A landing killed at any moment and run again gives the same landing, ledger and vault."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingestion.bank import Bank
from ingestion.land import land
from ingestion.quarantine import read_quarantine
from ingestion.vault import reveal
from qianmo.errors import DataRefusedError
from qianmo.ledger import landing_batch, landing_reject, landing_version, rows
from tests.ingestion.conftest import ACCOUNT, DAY, MakeBank, account_row, account_text, deliver_accounts, landed

KILL = """
import os, signal, sys
from datetime import date
from pathlib import Path
import ingestion.batch, ingestion.encryption, ingestion.land, ingestion.placing
from ingestion.bank import load_bank

moment = sys.argv[2]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(function):
    def wrapped(*args, **kwargs):
        function(*args, **kwargs)
        die()
    return wrapped

match moment:
    case "while reading":
        ingestion.batch.Batch._reject_faulty = die
    case "all written":
        ingestion.batch.Batch.place = die
    case "vault placed" | "quarantine placed":
        place = ingestion.batch.place
        ingestion.batch.place = lambda path: (place(path), moment.split()[0] in str(path) and die())
    case "vault of the earlier batch kept":
        Path.hardlink_to = after(Path.hardlink_to)
    case "earlier batch kept":
        ingestion.land._keep_superseded = after(ingestion.land._keep_superseded)
    case "landing written, not placed":
        Path.replace = lambda self, to, replace=Path.replace: die() if "landing" in str(to) else replace(self, to)
    case "landing placed, no ledger row":
        ingestion.land._record = die
    case "ledger row written":
        ingestion.land._record = after(ingestion.land._record)
ingestion.land.land(load_bank(Path(sys.argv[1])), "core", date(2026, 9, 28))
"""

MOMENTS = [
    "while reading",
    "all written",
    "vault placed",
    "quarantine placed",
    "landing written, not placed",
    "landing placed, no ledger row",
    "ledger row written",
]
SECOND_ONLY = ["vault of the earlier batch kept", "earlier batch kept"]


def timeless(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ledger rows without the time of the run."""
    return [{k: v for k, v in row.items() if not k.endswith("_at")} for row in found]


def state(bank: Bank) -> dict[str, Any]:
    surrogates = [row[0] for row in landed(bank, "core.account", "account_number_key")]
    return {
        "landing": landed(bank, "core.account"),
        "vault": reveal(bank.home, ["account_number"], surrogates, "test", "test").to_pylist(),
        "quarantine": read_quarantine(bank.home, "core", "account", DAY).to_pylist(),
        "batch": timeless(rows(bank.home, landing_batch)),
        "versions": timeless(rows(bank.home, landing_version)),
        "reject": rows(bank.home, landing_reject),
        "files": sorted(
            str(path.relative_to(bank.home.root))
            for folder in (bank.home.landing, bank.home.vault, bank.home.quarantine, bank.home.superseded)
            for path in folder.rglob("*")
            if path.is_file()
        ),
    }


FIRST_DELIVERY = account_text([account_row(3), account_row(4, cls="gold")])
DELIVERY = account_text([*(account_row(n) for n in range(500)), account_row(1), account_row(900, cls="gold")])


def land_killed(bank: Bank, moment: str) -> None:
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILL, str(bank.folder), moment], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("moment", "earlier"),
    [*((moment, False) for moment in MOMENTS), *((moment, True) for moment in (*MOMENTS, *SECOND_ONLY))],
)
def test_a_killed_landing_is_made_good_by_the_next(make_bank: MakeBank, moment: str, earlier: bool) -> None:
    bank = make_bank(core={"account": ACCOUNT})

    def land_earlier() -> None:
        if earlier:
            deliver_accounts(bank.inbox, FIRST_DELIVERY, 2)
            land(bank, "core", DAY)
        deliver_accounts(bank.inbox, DELIVERY, 502)

    land_earlier()
    land(bank, "core", DAY)
    expected = state(bank)
    subprocess.run(["rm", "-r", bank.home.root], check=True)
    land_earlier()

    land_killed(bank, moment)
    land(bank, "core", DAY)
    assert state(bank) == expected


@pytest.mark.parametrize("moment", [m for m in MOMENTS if m != "ledger row written"])
@pytest.mark.parametrize("following", ["the earlier one", "a broken one"])
def test_what_a_killed_run_placed_is_taken_back(make_bank: MakeBank, moment: str, following: str) -> None:
    """The killed delivery never comes again: the batch of the ledger is whole, whatever was placed over it."""
    bank = make_bank(core={"account": ACCOUNT})
    deliver_accounts(bank.inbox, FIRST_DELIVERY, 2)
    land(bank, "core", DAY)
    expected = state(bank)
    deliver_accounts(bank.inbox, DELIVERY, 502)
    land_killed(bank, moment)
    if following == "the earlier one":
        deliver_accounts(bank.inbox, FIRST_DELIVERY, 2)
        assert [result.status for result in land(bank, "core", DAY)] == ["unchanged"]
    else:
        deliver_accounts(bank.inbox, account_text([account_row(9)]), 1, rows=3)
        with pytest.raises(DataRefusedError, match="expected rows 3"):
            land(bank, "core", DAY)
    found = state(bank)
    for part in ("landing", "vault", "quarantine", "versions", "reject"):
        assert found[part] == expected[part], part
    left = set(found["files"]) - set(expected["files"])
    assert {Path(name).stem for name in left} <= {expected["versions"][0]["content_sha256"][:12]}  # kept, for nothing


@pytest.mark.parametrize("moment", [m for m in MOMENTS if m != "ledger row written"])
def test_a_killed_first_landing_that_is_refused_afterwards_leaves_nothing(make_bank: MakeBank, moment: str) -> None:
    bank = make_bank(core={"account": ACCOUNT})
    deliver_accounts(bank.inbox, DELIVERY, 502)
    land_killed(bank, moment)
    deliver_accounts(bank.inbox, DELIVERY, 502, rows=3)
    with pytest.raises(DataRefusedError, match="expected rows 3"):
        land(bank, "core", DAY)
    assert list(bank.home.root.rglob(f"*{DAY}*")) == []
