"""The reviewed parameters of linkage, and what Splink makes of them."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.linkage import LINKAGE, linkage, scored, trained

SIDE = pa.schema(
    [
        *((name, pa.string()) for name in (
            "legal_entity_code", "unique_id", "source_table", "source_key", "customer_id", "name_key", "sound_key",
            "shape_key", "letters_key", "phone_key",
        )),
        ("id_keys", pa.list_(pa.string())),
        ("birth_date", pa.date32()),
        ("village_code", pa.string()),
        ("source_tables", pa.list_(pa.string())),
    ]
)  # fmt: skip
CROWD = 150


def one(number: int, **columns: Any) -> dict[str, Any]:
    """A person whose every mark is its own."""
    marks = {f"{form}_key": f"{form}{number}" for form in ("name", "sound", "shape", "letters", "phone")}
    return {
        "legal_entity_code": "a",
        "unique_id": f"P{number}",
        "customer_id": f"P{number}",
        **marks,
        "id_keys": [f"id{number}"],
        "birth_date": date(1950 + number % 50, 1 + number % 12, 1 + number % 28),
        "village_code": f"v{number % 10}",
        "source_tables": ["core.customer"],
        **columns,
    }


def doubtful(number: int, **columns: Any) -> dict[str, Any]:
    key = f"r{number}"
    known = one(number, unique_id=key, customer_id=f"R{number}", source_table="credit.village_roster", source_key=key)
    return known | {"id_keys": [], "birth_date": None, "source_tables": ["credit.village_roster"]} | columns


def side(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SIDE)


def frequencies(known: pa.Table) -> pa.Table:
    columns = linkage().frequencies
    rows = [
        {
            "column_name": column,
            "value": found["values"],
            "known_share": found["counts"] / CROWD,
            "known_customers": CROWD,
        }
        for column in columns
        for found in pc.value_counts(known[column].drop_null()).to_pylist()
    ]
    return pa.Table.from_pylist(rows)


KNOWN = side([one(number) for number in range(CROWD)])


def evidence(record: dict[str, Any], known: pa.Table = KNOWN) -> list[tuple[str, str, str]]:
    found = scored(side([record]), known, frequencies(known), linkage()).to_pylist()
    return [(row["customer_id"], row["carries"], row["evidence"]) for row in found]


def test_a_name_that_sounds_the_same_needs_another_mark() -> None:
    heard = {"name_key": "other", "shape_key": "other", "letters_key": "other"}
    assert evidence(doubtful(7, **heard)) == [("P7", "link", "姓名同音、手机号相同、同村、该来源尚无其记录")]
    assert evidence(doubtful(7, **heard, phone_key=None, village_code="v0")) == []


def test_a_slip_in_the_id_number_is_evidence() -> None:
    marks = {f"{form}_key": "other" for form in ("name", "sound", "shape", "letters", "phone")}
    slip = {"id_keys": ["id3", "id7", "id900"], "birth_date": date(1957, 8, 8), "village_code": "v7"}
    found = evidence(doubtful(7, **marks, **slip))
    assert ("P7", "review", "姓名不同、手机号不同、证件号仅差一处笔误、同村、该来源尚无其记录") in found
    assert {carries for _, carries, _ in found} == {"review"}, "a number alone links nobody"


def test_a_family_phone_comes_to_nothing() -> None:
    marks = {f"{form}_key": "other" for form in ("name", "sound", "shape", "letters")}
    assert evidence(doubtful(7, **marks)) == []


def test_who_is_in_the_source_already_is_hardly_the_one() -> None:
    filed = side([*KNOWN.to_pylist()[:-1], one(CROWD, source_tables=["credit.village_roster"])])
    weights = [
        scored(side([doubtful(CROWD)]), known, frequencies(known), linkage())["match_weight"][0].as_py()
        for known in (side([*KNOWN.to_pylist()[:-1], one(CROWD)]), filed)
    ]
    assert weights[0] - weights[1] > 5


def test_a_score_depends_on_the_pair_alone() -> None:
    records = [doubtful(number, phone_key=None) for number in range(0, CROWD, 3)]
    together = scored(side(records), KNOWN, frequencies(KNOWN), linkage())
    turned = scored(side(records[::-1]), side(KNOWN.to_pylist()[::-1]), frequencies(KNOWN), linkage())
    assert together.num_rows == len(records)
    assert together.sort_by("source_key") == turned.sort_by("source_key")


def test_parameters_are_learnt_the_same_with_the_same_seed() -> None:
    records = side([doubtful(n, **({"sound_key": "x", "name_key": "y"} if n % 4 == 0 else {})) for n in range(CROWD)])
    learnt = [trained(records, KNOWN, frequencies(KNOWN), linkage(), seed=3) for _ in range(2)]
    assert learnt[0] == learnt[1]
    assert learnt[0] != linkage()
    assert type(learnt[0]).model_validate(learnt[0].model_dump()) == learnt[0]
    with pytest.raises(DataRefusedError, match="too few to learn from"):
        trained(records.slice(0, 5), KNOWN, frequencies(KNOWN), linkage(), seed=3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"review": 0.99}, "review: expected at most accept"),
        ({"blocking": []}, "blocking"),
        ({"accept": 1.5}, "accept"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = tmp_path / "linkage.yml"
    path.write_text(yaml.safe_dump(yaml.safe_load(LINKAGE.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=told):
        linkage(path)


def test_levels_must_add_up(tmp_path: Path) -> None:
    content = yaml.safe_load(LINKAGE.read_text(encoding="utf-8"))
    content["comparisons"][0]["levels"][0]["m"] = 0.5
    path = tmp_path / "linkage.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="name: expected m of its levels to add up to 1"):
        linkage(path)
