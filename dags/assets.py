"""Every asset the DAGs exchange, in one place. The partition key of each event is the business date, YYYY-MM-DD.

| asset               | emitted by                               | read by             |
|---------------------|------------------------------------------|---------------------|
| landing_<source>    | land_<source>, after gate 1              | build_and_publish   |
| marts               | build_and_publish, after publishing      | deliver_lists       |
| list_proposals      | deliver_lists, when batches are to wait  | approve_lists       |
"""

import os
from pathlib import Path

import yaml
from airflow.sdk import Asset

from qianmo.home import PROJECT_ROOT

MARTS = Asset(name="marts", uri="qianmo://marts", group="marts")
PROPOSALS = Asset(name="list_proposals", uri="qianmo://list_proposals", group="lists")


def bank_folder() -> Path:
    """The bank that this Airflow serves: QIANMO_BANK, by default the sample bank."""
    return PROJECT_ROOT / os.environ.get("QIANMO_BANK", "banks/sample")


def sources() -> list[str]:
    """The source families that the bank folder lists."""
    names: list[str] = yaml.safe_load((bank_folder() / "bank.yml").read_text(encoding="utf-8"))["sources"]
    return names


def landing(source: str) -> Asset:
    """All due tables of a source family have landed for the business date and passed gate 1."""
    return Asset(name=f"landing_{source}", uri=f"qianmo://landing/{source}", group="landing")
