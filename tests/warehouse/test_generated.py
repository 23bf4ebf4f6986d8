"""Staging is written from the contracts, exposures and pages from the lists: here, that none changed alone."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from qianmo.definitions import DBT_PROJECT

MODELS = DBT_PROJECT / "models"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DBT_PROJECT / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_agree_with_what_they_follow_from(generator: ModuleType) -> None:
    expected: dict[Path, str] = generator.generated_files()
    stale = [str(path) for path, text in expected.items() if (MODELS / path).read_text(encoding="utf-8") != text]
    assert not stale, "run `make generate`"


def test_no_staging_without_a_contract(generator: ModuleType) -> None:
    written = {path.relative_to(MODELS) for path in (MODELS / "staging").rglob("*.*") if path.parent.name != "ledger"}
    assert written == {path for path in generator.generated_files() if path.parts[0] == "staging"}


def test_no_page_without_a_list(generator: ModuleType) -> None:
    written = set(generator.LIST_PAGES.glob("*"))
    assert written == {path for path in generator.generated_files() if path.is_absolute()}
