"""The session's sample county: `qianmo demo` at a small scale, once, for every test that wants real data.

A pytest plugin (see pyproject.toml), so that its fixture is there for all folders.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from qianmo.home import PROJECT_ROOT, BankHome

SCALE = os.environ.get("QIANMO_TEST_SCALE", "0.001")
DATES = ("2026-09-28", "2026-09-29", "2026-09-30")


@dataclass(frozen=True)
class SampleCounty:
    """Three business dates landed, built, published and delivered by the DAGs, and Superset loaded."""

    home: Path
    """Its QIANMO_HOME."""
    output: str
    """What `qianmo demo` printed."""

    @property
    def bank(self) -> BankHome:
        return BankHome(self.home / "sample")

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"QIANMO_HOME": str(self.home), "QIANMO_DEMO_SCALE": SCALE, "QIANMO_BANK": "banks/sample"}

    def qianmo(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command on this county."""
        return subprocess.run(
            [sys.executable, "-m", "qianmo", *arguments],
            cwd=PROJECT_ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.qianmo("status", "--json").stdout)
        return found


@pytest.fixture(scope="session")
def sample_county(tmp_path_factory: pytest.TempPathFactory) -> SampleCounty:
    """Takes minutes, once a session. Tests read it; one that changes it works on a copy."""
    home = tmp_path_factory.mktemp("county")
    demo = SampleCounty(home, "").qianmo("demo")
    assert demo.returncode == 0, f"qianmo demo ended {demo.returncode}\n{demo.stdout[-3000:]}{demo.stderr[-6000:]}"
    return SampleCounty(home, demo.stdout + demo.stderr)


class _FilesTogether(LoadFileScheduling):  # type: ignore[misc]
    """Workers (`-n`) take whole files; one takes all that ask for the county, so that it is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "county" if _asks_for_county(file) else file


@cache
def _asks_for_county(file: str) -> bool:
    path = PROJECT_ROOT / file
    texts = (one.read_text(encoding="utf-8") for one in (path, path.with_name("conftest.py")) if one.exists())
    return any(SampleCounty.__name__ in text for text in texts)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """pytest-xdist's own groups of tests are not known to this version of pytest."""
    return _FilesTogether(config, log)
