"""Definition files: what a good one gives, and that a faulty one is named with its field."""

from pathlib import Path

import pytest

from qianmo.definitions import dbt_variables, lists, metrics, tags
from qianmo.errors import ConfigurationError

GOOD_TAG = """
code: good_neighbour
name: 好邻居
family: space
definition: 经营地址距最近支行不超过1公里
owner: 市场营销部
sensitivity: C1
when: merchant_distance_km <= 1
evidence: [merchant_distance_km]
"""


def write_tag(folder: Path, text: str, name: str = "good_neighbour") -> Path:
    (folder / "tags").mkdir(exist_ok=True)
    (folder / "tags" / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def test_shipped_definitions_hold() -> None:
    assert len(lists()) >= 6
    assert metrics()
    shipped = tags()
    assert len(shipped) >= 25
    assert len({tag.family for tag in shipped}) == 9, "every family of domain section 5 has a tag"
    variables = dbt_variables()
    counted = {kind: len(variables[kind]) for kind in ("tags", "lists", "metrics")}
    assert counted == {"tags": len(shipped), "lists": len(lists()), "metrics": len(metrics())}


def test_a_good_tag(tmp_path: Path) -> None:
    (tag,) = tags(write_tag(tmp_path, GOOD_TAG))
    assert tag.name == "好邻居"
    assert tag.refresh == "daily"
    assert "value" not in dbt_variables(tmp_path)["tags"][0], "what is not said is not passed on"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("family: space", "family: colour", "family"),
        ("owner: 市场营销部", "", "owner"),
        ("when: merchant_distance_km <= 1", "when: ''", "when"),
        ("evidence: [merchant_distance_km]", "evidence: []", "evidence"),
        ("sensitivity: C1", "sensitivity: C3", "sensitivity"),
        ("name: 好邻居", "name: 好邻居\ncolour: red", "colour"),
        ("code: good_neighbour", "code: other", "code"),
        ("name: 好邻居", "name: [", "not YAML"),
    ],
)
def test_a_fault_names_file_and_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    folder = write_tag(tmp_path, GOOD_TAG.replace(old, new))
    with pytest.raises(ConfigurationError, match=rf"good_neighbour\.yml: {field}"):
        tags(folder)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    write_tag(tmp_path, GOOD_TAG.replace("family: space", "family: colour").replace("C1", "C3"))
    write_tag(tmp_path, "code: empty", "empty")
    with pytest.raises(ConfigurationError) as raised:
        tags(tmp_path)
    for part in ("family", "sensitivity", "empty.yml: name", "empty.yml: when"):
        assert part in str(raised.value)
