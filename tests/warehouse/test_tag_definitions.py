"""Every shipped tag holds its own golden cases, and the cases pin its thresholds."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from qianmo.definitions import GOLDEN_DATE, GoldenCase, Tag, feature_columns, tags

TAGS = tags()


@pytest.fixture(scope="module")
def features() -> Iterator[duckdb.DuckDBPyConnection]:
    columns = ", ".join(f"{name} {kind}" for name, kind in feature_columns().items())
    with duckdb.connect() as connection:
        connection.execute(f"create table features ({columns})")
        yield connection


def says(features: duckdb.DuckDBPyConnection, tag: Tag, case: GoldenCase) -> tuple[bool, str | None]:
    """Whether the customer of a case carries the tag, and the value that it then has."""
    given: dict[str, Any] = {"business_date": GOLDEN_DATE} | case.given
    features.execute("delete from features")
    features.execute(
        f"insert into features ({', '.join(given)}) values ({', '.join('?' for _ in given)})", list(given.values())
    )
    row = features.execute(
        f"select cast({tag.value_sql or 'null'} as varchar) from features where {tag.when_sql}"
    ).fetchone()
    return row is not None, row[0] if row else None


def wrong(features: duckdb.DuckDBPyConnection, tag: Tag) -> list[str]:
    """The cases that do not come out."""
    faults = []
    for number, case in enumerate(tag.tests, start=1):
        has, value = says(features, tag, case)
        if has != case.has or (case.value is not None and value != case.value):
            faults.append(f"{tag.code}.yml: tests.{number}: {case.given} gives has={has}, value={value}")
    return faults


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag.code)
def test_golden_cases(features: duckdb.DuckDBPyConnection, tag: Tag) -> None:
    assert wrong(features, tag) == []


def other_rules(tag: Tag) -> Iterator[tuple[str, Tag]]:
    """The tag with one threshold moved by the least that matters, or with one value of a list left out."""
    for name, value in tag.parameters.items():
        moved: list[Any] = []
        if isinstance(value, list):
            moved = [[one for one in value if one != left_out] or [-1] for left_out in value]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            step = 1 if isinstance(value, int) else 0.01
            moved = [round(value - step, 2), round(value + step, 2)]
        for other in moved:
            yield f"{name}: {other}", tag.model_copy(update={"parameters": tag.parameters | {name: other}})
    if tag.validity_days:
        for days in (tag.validity_days - 1, tag.validity_days + 1):
            yield f"validity_days: {days}", tag.model_copy(update={"validity_days": days})


@pytest.mark.parametrize("tag", [tag for tag in TAGS if [*other_rules(tag)]], ids=lambda tag: tag.code)
def test_the_golden_cases_pin_every_threshold(features: duckdb.DuckDBPyConnection, tag: Tag) -> None:
    unnoticed = [what for what, other in other_rules(tag) if not wrong(features, other)]
    assert not unnoticed, f"{tag.code}.yml: no golden case notices {unnoticed}: add one on each side of the threshold"


def test_every_family_has_tags_enough() -> None:
    assert len(TAGS) >= 120
    assert len({tag.family for tag in TAGS}) == 9, "every family of domain section 5 has a tag"
    assert len({tag.name for tag in TAGS}) == len(TAGS), "a business user tells tags by their names"


def test_sensitive_evidence_makes_a_sensitive_tag() -> None:
    matters = {"birth_date", "age", "is_overdue", "risk_list", "is_deceased", "opted_out_channels", "rejected_date"}
    assert [tag.code for tag in TAGS if tag.sensitivity == "C1" and matters & set(tag.evidence)] == []
