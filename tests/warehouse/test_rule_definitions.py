"""Every shipped rule table holds its own golden cases, and the cases pin its thresholds."""

from collections.abc import Iterator

import duckdb
import pytest

from qianmo.definitions import Rule, model_columns, rules

RULES = [rule for rule in rules() if rule.subject]


def wrong(rule: Rule) -> list[str]:
    """The cases that do not come out."""
    assert rule.subject
    columns = model_columns(rule.subject)
    faults = []
    with duckdb.connect() as connection:
        connection.execute(f"create table subject ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        for number, case in enumerate(rule.tests, start=1):
            connection.execute("delete from subject")
            marks = ", ".join("?" for _ in case.given)
            connection.execute(
                f"insert into subject ({', '.join(case.given)}) values ({marks})", list(case.given.values())
            )
            applies, unmet = [], []
            for row in rule.rows:
                if not row.when:
                    continue
                met = rule.sql(row.met or "true")
                found = connection.execute(f"select {met} from subject where {rule.when_sql(row)}").fetchone()
                if found:
                    applies.append(row.code)
                if found and found[0] is False:
                    unmet.append(row.code)
            if (applies, unmet) != (case.applies, case.unmet):
                faults.append(f"{rule.code}.yml: tests.{number}: {case.given} gives {applies}, not met {unmet}")
    return faults


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_golden_cases(rule: Rule) -> None:
    assert wrong(rule) == []


def other_rules(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The table with one threshold of its SQL moved by the least that matters."""
    written = [rule.scope or "", *(text or "" for row in rule.rows for text in (row.when, row.met))]
    for name, value in rule.parameters.items():
        if not any(f"${name}" in text for text in written):
            continue
        step = 1 if isinstance(value, int) else 0.01
        for other in (round(value - step, 2), round(value + step, 2)):
            yield f"{name}: {other}", rule.model_copy(update={"parameters": rule.parameters | {name: other}})


@pytest.mark.parametrize("rule", [rule for rule in RULES if [*other_rules(rule)]], ids=lambda rule: rule.code)
def test_the_golden_cases_pin_every_threshold(rule: Rule) -> None:
    unnoticed = [what for what, other in other_rules(rule) if not wrong(other)]
    assert not unnoticed, f"{rule.code}.yml: no golden case notices {unnoticed}: add one on each side of the threshold"


def test_the_tables_of_the_seed_are_there() -> None:
    """S3 tables 5 to 9 and the four phases of the year."""
    cited = {row.source for rule in rules() for row in rule.rows}
    assert all(any(f"表{table}" in source for source in cited) for table in range(5, 10))
    assert [row.name for rule in rules() if rule.code == "year_phase" for row in rule.rows] == [
        "开门红",
        "促提升",
        "调结构",
        "抓储备",
    ]
