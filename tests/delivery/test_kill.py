"""Killed at any moment and run again, a delivery leaves one complete package per recipient, and a true ledger."""

import json
import random
import signal
import subprocess
import sys
from hashlib import sha256

import pytest

from delivery.manifest import is_intact, read_manifest
from ingestion.bank import Bank
from qianmo import ledger
from tests.delivery.conftest import LIST_CODES, Marts, handed_over, list_row

EVENTS = 150
"""About as many as the run below has, by the kinds that `killed_run` counts."""


def run_until(event: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.delivery.killed_run", str(event)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def assert_whole(bank: Bank, expected: dict[str, int]) -> None:
    root = bank.home.delivery
    manifests = {}
    for path in root.glob("2026-09-28/*/*/*/manifest.json"):
        manifest = read_manifest(path.parent)
        assert manifest is not None
        assert is_intact(path.parent, manifest)
        manifests[manifest.delivery_id] = manifest
    assert {key: manifest.rows for key, manifest in manifests.items()} == expected
    recorded = {row["delivery_id"]: row for row in ledger.rows(bank.home, ledger.delivery)}
    assert set(recorded) == set(manifests)
    for key, row in recorded.items():
        assert json.loads(row["files"]) == manifests[key].files
        assert row["content_sha256"] == manifests[key].rows_sha256
    assert not (root / ".building").exists()
    folders = {path.parent for path in root.glob("2026-09-28/*/*/*/*")}
    assert len(folders) == len(manifests)


@pytest.mark.timeout(300)
def test_killed_at_seeded_moments_then_run_again(bank: Bank, published: Marts) -> None:
    code = LIST_CODES[0]
    moments = random.Random(20211231).sample(range(1, EVENTS), 4)
    expected: dict[str, int] = {}
    kills = 0
    for attempt, event in enumerate([*moments, 10_000]):
        # Other rows each time, so that every run replaces packages, withdraws some and adds some.
        numbers = [n for n in range(12) if n % 5 != attempt % 5]
        published([list_row(n, manager_id=f"M{n}", manager_name=f"经理{n}{attempt}") for n in numbers])
        killed = run_until(event)
        kills += killed.returncode == -signal.SIGKILL
        assert killed.returncode in (0, -signal.SIGKILL), killed.stderr
        handed_over(bank)
        expected = dict.fromkeys(expected, 0)
        expected |= {f"{code}-20260928.manager.M{n}": 1 for n in numbers}
        for branch in ("0101", "0102"):
            expected[f"{code}-20260928.branch.{branch}"] = sum(f"010{n % 2 + 1}" == branch for n in numbers)
        assert_whole(bank, expected)
        assert not [item for item in handed_over(bank) if item.written]
    assert kills == len(moments)


def test_what_a_killed_run_placed_is_kept(bank: Bank, published: Marts) -> None:
    """A recipient may have fetched it: the same content is not encrypted anew."""
    published([list_row(n) for n in range(6)])
    assert run_until(60).returncode == -signal.SIGKILL
    placed = {path: sha256(path.read_bytes()).digest() for path in bank.home.delivery.glob("2026-*/*/*/*/*.xlsx")}
    assert placed
    handed_over(bank)
    for path, digest in placed.items():
        assert sha256(path.read_bytes()).digest() == digest
