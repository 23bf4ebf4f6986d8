"""One small county per test session: three business dates at the smallest scale."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from sample_county.generate import generate

SCALE, SEED = 0.001, 20211231
FIRST, LAST = date(2026, 9, 28), date(2026, 9, 30)


@dataclass(frozen=True)
class Generated:
    inbox: Path
    postgres: Path
    truth: Path


def make(root: Path, seed: int = SEED, first: date = FIRST, last: date = LAST) -> Generated:
    made = Generated(root / "inbox", root / "postgres", root / "truth")
    generate(made.inbox, SCALE, seed, first, last, made.postgres, made.truth)
    return made


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return make(tmp_path_factory.mktemp("county"))
