"""Bank folders: what is read, and what a mistake is answered with."""

from pathlib import Path

import pytest
import yaml

from ingestion.bank import DelimitedFormat, FixedWidthFormat, load_bank
from qianmo.errors import ConfigurationError
from qianmo.home import PROJECT_ROOT
from tests.ingestion.conftest import ACCOUNT, DAY, MakeBank


@pytest.mark.parametrize("folder", sorted(PROJECT_ROOT.glob("banks/*/bank.yml")), ids=lambda path: path.parent.name)
def test_every_bank_of_the_project_loads(home: Path, folder: Path) -> None:
    bank = load_bank(folder.parent)
    assert bank.name == folder.parent.name
    assert bank.home.root == home / bank.name


def test_places_and_environment_are_filled_in(make_bank: MakeBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLOADS", "dated")
    table = ACCOUNT | {"files": "${UNLOADS}/${NOTHING:-x}_{date:%Y%m%d}.gz", "legal_basis": "{bank}/basis.json"}
    bank = make_bank(core={"account": table})
    [description] = bank.sources["core"].tables["account"]
    assert bank.resolve(description.files[0], DAY) == bank.inbox / "dated" / "x_20260928.gz"
    assert bank.resolve(str(description.legal_basis), DAY) == bank.folder / "basis.json"


def test_defaults_go_below_tables_and_not_below_another_kind(home: Path, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "bank.yml").write_text("{name: tiny, legal_entity_code: '1', legal_entity_name: x, sources: [core]}")
    fixed = {"kind": "fixed_width", "encoding": "gbk", "columns": [{"name": "acct", "start": 1, "length": 2}]}
    source = {
        "source": "core",
        "label": "核心",
        "defaults": {"format": {"kind": "delimited", "encoding": "gbk", "delimiter": ";"}},
        "tables": {"account": [ACCOUNT | {"format": {"columns": ["acct"]}}, ACCOUNT | {"format": fixed}]},
    }
    (tmp_path / "sources" / "core.yml").write_text(yaml.safe_dump(source))
    first, second = load_bank(tmp_path).sources["core"].tables["account"]
    assert isinstance(first.format, DelimitedFormat)
    assert (first.format.encoding, first.format.delimiter, first.format.columns) == ("gbk", ";", ["acct"])
    assert isinstance(second.format, FixedWidthFormat)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"due": "weekly"}, r"core\.yml: tables\.account\.0\.due: .*due must be daily, on_arrival"),
        ({"format": {"kind": "parquet"}}, r"core\.yml: tables\.account\.0\.format: .*'delimited', 'fixed_width'"),
        ({"files": []}, r"core\.yml: tables\.account\.0: .*files must be given"),
        ({"controls": {}}, r"core\.yml: tables\.account\.0\.controls: Extra inputs"),
        ({"map": ACCOUNT["map"] | {"colour": "acct"}}, r"tables\.account\.map: no such column .*: colour"),
        ({"map": {"account_id": "acct"}}, r"tables\.account\.map: required .* not mapped: customer_id, product_code"),
    ],
)
def test_a_faulty_description_names_file_and_field(make_bank: MakeBank, change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make_bank(core={"account": ACCOUNT | change})


def test_a_faulty_bank_names_the_file(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"bank\.yml: cannot be read"):
        load_bank(tmp_path)
    (tmp_path / "bank.yml").write_text("{name: tiny, legal_entity_name: x, sources: []}")
    with pytest.raises(ConfigurationError, match=r"bank\.yml: legal_entity_code: Field required"):
        load_bank(tmp_path)
    (tmp_path / "bank.yml").write_text("name: [")
    with pytest.raises(ConfigurationError, match=r"bank\.yml: not valid YAML"):
        load_bank(tmp_path)
