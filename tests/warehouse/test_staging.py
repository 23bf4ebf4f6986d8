"""Staging is written from the contracts; here, that nobody changed one without the other."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from qianmo.definitions import DBT_PROJECT

STAGING = DBT_PROJECT / "models" / "staging"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_staging", DBT_PROJECT / "generate_staging.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_staging_agrees_with_the_contracts(generator: ModuleType) -> None:
    expected: dict[Path, str] = generator.staging_files()
    stale = [str(path) for path, text in expected.items() if (STAGING / path).read_text(encoding="utf-8") != text]
    assert not stale, "run `python dbt_project/generate_staging.py`"


def test_no_staging_without_a_contract(generator: ModuleType) -> None:
    written = {path.relative_to(STAGING) for path in STAGING.rglob("*.*") if path.parent.name != "ledger"}
    assert written == set(generator.staging_files())
