"""Definition files: what a good one gives, and that a faulty one is named with its field."""

from pathlib import Path

import pytest

from qianmo.definitions import dbt_variables, lists, metrics, tags
from qianmo.errors import ConfigurationError
from qianmo.performance import PERFORMANCE, performance

GOOD_TAG = """
code: good_neighbour
name: 好邻居
family: space
definition: 经营地址距最近支行不超过$kilometres公里
owner: 市场营销部
sensitivity: C1
parameters: {kilometres: 1}
when: merchant_distance_km <= $kilometres
evidence: [merchant_distance_km]
tests:
  - {given: {merchant_distance_km: 1}, has: true}
  - {given: {merchant_distance_km: 1.1}, has: false}
"""


def write_tag(folder: Path, text: str, name: str = "good_neighbour") -> Path:
    (folder / "tags").mkdir(exist_ok=True)
    (folder / "tags" / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def test_shipped_definitions_hold() -> None:
    assert len(lists()) >= 6
    assert metrics()
    variables = dbt_variables()
    counted = {kind: len(variables[kind]) for kind in ("tags", "lists", "metrics")}
    assert counted == {"tags": len(tags()), "lists": len(lists()), "metrics": len(metrics())}


def test_a_good_tag(tmp_path: Path) -> None:
    (tag,) = tags(write_tag(tmp_path, GOOD_TAG))
    assert tag.name == "好邻居"
    assert tag.refresh == "daily"
    [told] = dbt_variables(tmp_path)["tags"]
    assert told["when"] == "merchant_distance_km <= 1"
    assert told["definition"] == "经营地址距最近支行不超过1公里"
    assert told["parameters"] == "kilometres = 1"
    assert told["rule_version"] == tag.rule_version
    assert not {"value", "tests"} & set(told), "what is not said, or is no business of the warehouse, is not passed on"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kilometres: 1}", "kilometres: 2}"),
        ("<= $kilometres", "< $kilometres"),
        ("evidence: [merchant_distance_km]", "evidence: [merchant_distance_km, merchant_id]"),
        ("evidence:", "value: merchant_id\nevidence:"),
        ("evidence:", "observed_on: merchant_signed_date\nvalidity_days: 30\nevidence:"),
    ],
)
def test_what_decides_makes_a_new_rule_version(tmp_path: Path, old: str, new: str) -> None:
    [before] = tags(write_tag(tmp_path, GOOD_TAG))
    assert old in GOOD_TAG
    [after] = tags(write_tag(tmp_path, GOOD_TAG.replace(old, new)))
    assert after.rule_version != before.rule_version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: 好邻居", "name: 近邻"),
        ("owner: 市场营销部", "owner: 普惠金融部"),
        ("<= $kilometres", "<=   $kilometres"),
    ],
)
def test_what_does_not_decide_leaves_the_rule_version(tmp_path: Path, old: str, new: str) -> None:
    [before] = tags(write_tag(tmp_path, GOOD_TAG))
    [after] = tags(write_tag(tmp_path, GOOD_TAG.replace(old, new)))
    assert after.rule_version == before.rule_version


def test_a_tag_lapses_with_its_validity(tmp_path: Path) -> None:
    [tag] = tags(write_tag(tmp_path, GOOD_TAG + "observed_on: merchant_signed_date\nvalidity_days: 30\n"))
    assert tag.when_sql == "(merchant_distance_km <= 1) and merchant_signed_date > business_date - 30"


def test_parameters_become_literals(tmp_path: Path) -> None:
    given = GOOD_TAG.replace("{kilometres: 1}", '{kilometres: 0.5, towns: ["o\'clock", b], open: true}')
    given = given.replace("<= $kilometres", "<= $kilometres and has_pos = $open and town_code in $towns")
    [tag] = tags(write_tag(tmp_path, given))
    assert tag.when_sql == "merchant_distance_km <= 0.5 and has_pos = true and town_code in ('o''clock', 'b')"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("family: space", "family: colour", "family"),
        ("owner: 市场营销部", "", "owner"),
        ("when: merchant_distance_km <= $kilometres", "when: ''", "when"),
        ("evidence: [merchant_distance_km]", "evidence: []", "evidence"),
        (
            "evidence: [merchant_distance_km]",
            "evidence: [distance]",
            "evidence: int_customer__features has no column d",
        ),
        (
            "when: merchant_distance_km",
            "when: merchant_distance",
            r"when: int_customer__features has no column merchant_distance \(near: merchant_distance_km",
        ),
        ("evidence:", "value: merchant_nam\nevidence:", "value: int_customer__features has no column merchant_nam"),
        ("given: {merchant_distance_km: 1}", "given: {km: 1}", "tests: int_customer__features has no column km"),
        ("when: merchant_distance_km <= $kilometres", "when: 1 + $kilometres", "when: gives INTEGER, but a tag is"),
        ("when: merchant_distance_km <= $", "when: (merchant_distance_km <= $", "when: Parser Error"),
        ("<= $kilometres", "<= $metres", r"\(file\): .*\$metres is not among the parameters: name it there"),
        ("<= $kilometres", "<= 1", r"\(file\): .*kilometres is not used: write \$kilometres"),
        ("1.1}, has: false", "1.1}, has: true", r"\(file\): .*tests: needs a case"),
        ("given: {merchant_distance_km: 1.1}", "given: {}", "tests.1.given"),
        ("1.1}, has: false", "1.1}, has: false, value: 近", "tests.1: .*has no value"),
        ("evidence:", "validity_days: 30\nevidence:", r"\(file\): .*observed_on and validity_days belong together"),
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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("measure: deposits, part: KPI", "measure: depositz, part: KPI", "depositz: no metric has this code"),
        ("cap: 1.5", "cap: 0", "ranking.cap"),
        ("phases: []", "phases: [{first_month: 1, last_month: 11, weight: 1}]", "from month 1 to month 12"),
    ],
)
def test_what_performance_is_judged_by_is_checked(tmp_path: Path, old: str, new: str, message: str) -> None:
    shipped = PERFORMANCE.read_text(encoding="utf-8")
    assert old in shipped
    path = tmp_path / "performance.yml"
    path.write_text(shipped.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        performance(path)
