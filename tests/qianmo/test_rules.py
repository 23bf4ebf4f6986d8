"""Rule tables and holidays: what a good file gives, and that a faulty one is named with its row and field."""

from datetime import date
from pathlib import Path

import pytest

from qianmo.definitions import dbt_variables, holidays, rules
from qianmo.errors import ConfigurationError

GOOD = """
code: deposit_rise
name: 时点存款新增走访
owner: 公司业务部
definition: 新增超过$above元的上门
subject: int_customer_day__observed
scope: is_bank_customer
parameters: {above: 1000000}
rows:
  - code: visit
    name: 上门
    when: deposit_rise > $above
    met: demand_balance > 0
    required: deposit_rise
    requirement: 新增超过$above元,上门
    role: manager
    source: S3 表8
tests:
  - {given: {is_bank_customer: true, deposit_rise: 1000001}, applies: [visit]}
  - {given: {is_bank_customer: true, deposit_rise: 1000000}, applies: []}
"""


def write(folder: Path, text: str, name: str = "deposit_rise") -> Path:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def test_a_good_table_reaches_dbt_with_its_thresholds(tmp_path: Path) -> None:
    [told] = dbt_variables(write(tmp_path, GOOD))["rules"]
    [row] = told["rows"]
    assert row["when"] == "(is_bank_customer) and (deposit_rise > 1000000)"
    assert row["requirement"] == "新增超过100万元,上门"
    assert told["definition"] == "新增超过100万元的上门"
    assert told["case_count"] == 2
    assert "tests" not in told


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("deposit_rise > $above", "deposit_raise > $above", "rows.visit.when: .*no column deposit_raise"),
        ("deposit_rise > $above", "deposit_rise - $above", "rows.visit.when: gives DECIMAL.* write a comparison"),
        ("required: deposit_rise", "required: customer_type", "rows.visit.required: gives VARCHAR: write a number"),
        ("subject: int_customer_day__observed", "subject: int_customer__seen", "no intermediate model"),
        ("subject: int_customer_day__observed\n", "", "give both or neither"),
        ("{above: 1000000}", "{above: 1000000, below: 5}", "parameters: below is not used"),
        ("{above: 1000000}", "{}", r"\$above is not among the parameters"),
        ("applies: [visit]", "applies: [visits]", "visits is no row: name one of visit"),
        ("applies: [visit]", "applies: []", "no case in which visit applies"),
        ("applies: []", "applies: [visit]", "no case in which no row applies"),
        ("{is_bank_customer: true, deposit_rise: 1000000}", "{is_bank_customer: true, rise: 0}", "tests: .*rise"),
        ("source: S3 表8", "", "rows.0.source: Field required"),
        ("role: manager", "role: president", "rows.0.role"),
        ("code: deposit_rise", "code: deposit_fall", "but the file's name says 'deposit_rise'"),
    ],
)  # fmt: skip
def test_a_faulty_table_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=fault):
        rules(write(tmp_path, GOOD.replace(old, new, 1)))


def test_a_row_has_a_code_of_its_own(tmp_path: Path) -> None:
    again = GOOD.replace("rows:\n", "rows:\n  - {code: visit, name: 又, requirement: 又, source: 又}\n")
    with pytest.raises(ConfigurationError, match="visit is there twice"):
        rules(write(tmp_path, again))


def test_the_national_day_of_2026() -> None:
    [national] = [holiday for holiday in holidays() if holiday.name == "国庆节" and holiday.first.year == 2026]
    assert (national.last - national.first).days == 6
    assert national.working == [date(2026, 9, 20), date(2026, 10, 10)]
    assert all("国务院办公厅" in holiday.source for holiday in holidays())


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("{name: 节, first: 2026-10-07, last: 2026-10-01, source: 通知}", "2026-10-01 is before first"),
        (
            "{name: 节, first: 2026-10-01, last: 2026-10-07, working: [2026-10-09], source: 通知}",
            "no Saturday or Sunday",
        ),
        ("{name: 节, first: 2026-10-01, last: 2026-10-07}", "source: Field required"),
    ],
)
def test_a_faulty_holiday_is_named(tmp_path: Path, entry: str, fault: str) -> None:
    (tmp_path / "holidays.yml").write_text(f"- {entry}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=fault):
        holidays(tmp_path)
