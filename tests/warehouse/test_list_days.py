"""Lists, funnel, metrics and KPI over two business dates, from landed rows to marts."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from qianmo.definitions import DEFINITIONS
from tests.warehouse.conftest import Warehouse, empty_warehouse, person

FIRST, SECOND, THIRD = date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 1)

LISTS = ("+path:models/marts/list",)
MODELS = (
    *LISTS, "+mart_funnel", "+mart_metric", "+mart_target", "+mart_target_gap", "+path:models/marts/kpi",
    "+mart_data_quality",
)  # fmt: skip

CAPACITY = 2


def selected(*models: str) -> tuple[str, ...]:
    return ("--select", *models, "--indirect-selection", "buildable", "--exclude-resource-type", "unit_test")


def customer(number: int, **columns: Any) -> dict[str, Any]:
    phone = {"phone_key": f"phone{number}", "phone_masked": f"138****{number:04}"}
    return person(number, **({"open_date": date(2026, 9, number)} | phone | columns))


def line(number: int, **columns: Any) -> dict[str, Any]:
    known = {
        "credit_line_id": f"l{number}",
        "customer_id": f"c{number}",
        "product_code": "LN_ONLINE",
        "limit_amount": 10000 * number,
        "approved_date": date(2026, 9, 20),
        "signed_date": date(2026, 9, 21),
        "expiry_date": date(2027, 9, 21),
        "channel": "online",
        "status": "active",
    }
    return known | columns


def employee(employee_id: str, branch_code: str, **columns: Any) -> dict[str, Any]:
    known = {"employee_name": f"经理{employee_id}", "login": employee_id, "role": "manager"}
    return {"employee_id": employee_id, "branch_code": branch_code} | known | columns


def authorisation(number: int) -> dict[str, Any]:
    return {
        "customer_id": f"c{number}",
        "purpose": "marketing",
        "channel": "all",
        "granted_date": date(2026, 1, 1),
        "expiry_date": date(2027, 1, 1),
    }


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped definitions with one list, of small capacity, that takes customers on every date."""
    folder = tmp_path_factory.mktemp("definitions") / "definitions"
    shutil.copytree(DEFINITIONS, folder)
    for path in (folder / "lists").glob("*.yml"):
        if path.stem != "credited_not_drawn":
            path.unlink()
    path = folder / "lists" / "credited_not_drawn.yml"
    shipped = yaml.safe_load(path.read_text(encoding="utf-8"))
    shipped |= {"capacity_per_manager": CAPACITY, "holdout_share": 0.2, "schedule": "daily"}
    path.write_text(yaml.safe_dump(shipped, allow_unicode=True), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, definitions: Path) -> Warehouse:
    warehouse = empty_warehouse(tmp_path_factory.mktemp("lists"))
    warehouse.land("core.branch", FIRST, [
        {"branch_code": "B1", "branch_name": "戴窑支行", "branch_level": "branch", "market_type": "rural"},
        {"branch_code": "B2", "branch_name": "城中支行", "branch_level": "branch", "market_type": "urban"},
    ])  # fmt: skip
    warehouse.land("core.employee", FIRST, [
        employee("M1", "B1"), employee("M2", "B2"), employee("M3", "B2", leave_date=date(2026, 9, 1)),
    ])  # fmt: skip
    warehouse.land("core.customer", FIRST, [
        *[customer(number) for number in range(1, 13)],
        *[customer(number, branch_code="B2", manager_id="M2") for number in range(13, 16)],
        customer(16, branch_code="B2", manager_id="M3"),
        customer(17, branch_code="B2", manager_id=None),
        customer(18, branch_code="B2", manager_id=None),
        customer(19, branch_code="B2", manager_id=None, birth_date=date(2008, 9, 30)),
    ])  # fmt: skip
    warehouse.land("credit.credit_line", FIRST, [line(number) for number in range(1, 20)])
    # c1 keeps the money, c2 brings it back the same day.
    loan = {"product_code": "LN_ONLINE", "maturity_date": date(2027, 9, 1), "status": "normal", "five_class": "normal"}
    warehouse.land("credit.loan", FIRST, [
        loan | {"loan_id": "n1", "credit_line_id": "l1", "customer_id": "c1", "loan_amount": 10000,
                "outstanding": 10000, "disbursed_date": date(2026, 8, 28)},
        loan | {"loan_id": "n2", "credit_line_id": "l2", "customer_id": "c2", "loan_amount": 20000, "outstanding": 0,
                "disbursed_date": date(2026, 9, 26), "settled_date": date(2026, 9, 26), "status": "settled"},
    ])  # fmt: skip
    warehouse.land("credit.repayment", FIRST, [
        {"repayment_id": "r1", "loan_id": "n2", "repayment_date": date(2026, 9, 26), "principal": 20000, "interest": 0},
    ])  # fmt: skip
    warehouse.land("marketing.authorisation", FIRST, [authorisation(number) for number in (*range(1, 18), 19)])
    warehouse.land("marketing.opt_out", FIRST, [
        {"customer_id": "c3", "channel": "phone", "opted_out_date": date(2026, 9, 1)},
        {"customer_id": "c4", "channel": "sms", "opted_out_date": date(2026, 9, 1)},
    ])  # fmt: skip
    warehouse.land("master.target", FIRST, [
        {"organisation_level": "manager", "organisation_code": manager, "measure_code": measure,
         "period_type": period, "period_start": start, "target_value": value}
        for manager, measure, period, start, value in (
            ("M1", "managed_customers_online_credit", "year", date(2026, 1, 1), 30),
            ("M1", "managed_customers_online_credit", "month", date(2026, 9, 1), 24),
            ("M1", "managed_customers_online_credit", "month", date(2026, 8, 1), 1),
            ("M1", "contacts", "month", date(2026, 9, 1), 1),
            ("M2", "contacts", "month", date(2026, 9, 1), 1),
        )
    ])  # fmt: skip
    warehouse.build(FIRST, *selected(*MODELS), definitions=definitions)
    warehouse.land("marketing.contact_outcome", SECOND, [
        {"outcome_id": "o1", "list_code": "credited_not_drawn", "list_batch_id": "credited_not_drawn-20260929",
         "customer_id": "c12", "contacted_at": "2026-09-30 09:00:00", "channel": "phone", "outcome": "reached",
         "manager_id": "M1"},
    ])  # fmt: skip
    warehouse.build(SECOND, *selected(*MODELS), definitions=definitions)
    return warehouse


def refused(number: int, day: date) -> dict[str, Any]:
    return {"customer_id": f"c{number}", "channel": "phone", "opted_out_date": day}


def steps(warehouse: Warehouse, day: date) -> dict[str, int]:
    found = warehouse.rows(
        "select step_code, sum(if(step_code in ('start', 'delivered'), remaining, removed)) "
        f"from marts.mart_list_waterfall where business_date = date '{day}' group by step_code"
    )
    return {code: int(count) for code, count in found if count}


def test_every_candidate_is_accounted_for(built: Warehouse) -> None:
    first = steps(built, FIRST)
    # 19 credited; c1 and c2 have drawn; c3 refused calls, c18 never agreed, c19 is 18 years old the day after.
    assert first["start"] == 17
    assert first["minor"] == 1
    assert first["opted_out"] == 1
    assert first["not_authorised"] == 1
    assert first["start"] == sum(count for code, count in first.items() if code != "start")
    second = steps(built, SECOND)
    assert second["contacted_recently"] == 1
    assert "minor" not in second
    assert second["start"] == sum(count for code, count in second.items() if code != "start")


def test_a_manager_gets_the_best_of_own_customers_and_those_of_the_branch_within_capacity(built: Warehouse) -> None:
    listed = built.rows(
        "select manager_id, assignment_basis, list_rank, core_customer_id, reason from marts.mart_marketing_list "
        f"where business_date = date '{FIRST}' order by manager_id, score desc"
    )
    assert [row[:4:3] for row in listed] == [("M1", "c12"), ("M1", "c11"), ("M2", "c17"), ("M2", "c16")]
    # c16's manager has left, c17 has none: M2 of their branch takes them, and has no place left for own c15.
    assert [row[1] for row in listed] == ["own_manager", "own_manager", "branch_team", "branch_team"]
    assert steps(built, FIRST)["over_capacity"] == 10
    ranks = {manager: [row[2] for row in listed if row[0] == manager and row[2]] for manager in ("M1", "M2")}
    assert all(found == list(range(1, len(found) + 1)) for found in ranks.values())
    assert all("授信额度" in row[4] and "天未用信" in row[4] for row in listed)


def open_rows(warehouse: Warehouse, day: date) -> dict[str, tuple[str | None, date]]:
    """Core customer number to manager and date of listing."""
    found = warehouse.rows(
        "select core_customer_id, manager_id, listed_date from marts.mart_marketing_list "
        f"where business_date = date '{day}'"
    )
    assert len({row[0] for row in found}) == len(found)
    return {row[0]: row[1:] for row in found}


def removals(warehouse: Warehouse, day: date) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select core_customer_id, manager_id, close_reason from marts.mart_list_removal "
        f"where business_date = date '{day}' order by 1"
    )


def test_a_row_stays_with_its_manager_until_it_is_worked_and_the_next_best_takes_its_place(built: Warehouse) -> None:
    first, second = open_rows(built, FIRST), open_rows(built, SECOND)
    assert removals(built, FIRST) == []
    assert removals(built, SECOND) == [("c12", "M1", "worked")]
    stayed = {who: row for who, row in first.items() if who != "c12"}
    assert second == stayed | {"c10": ("M1", SECOND)}


def test_the_control_group_stays_the_same(built: Warehouse) -> None:
    groups = [
        dict(built.rows(
            f"select core_customer_id, is_holdout from marts.mart_marketing_list where business_date = date '{day}'"
        ))
        for day in (FIRST, SECOND)
    ]  # fmt: skip
    assert any(groups[0].values())
    assert all(groups[1][who] == held for who, held in groups[0].items() if who != "c12")


def test_draw_and_repay_is_a_draw_but_no_effective_one(built: Warehouse) -> None:
    stages = built.rows(
        "select core_customer_id, stage_code from marts.fct_funnel_event "
        "inner join intermediate.int_customer__features "
        "using (customer_id) where stage_code in ('first_draw', 'effective_draw', 'settled') order by 1, stage_order"
    )
    # In use since the 28th of August: the 30th day is the 26th of September.
    assert stages == [("c1", "first_draw"), ("c1", "effective_draw"), ("c2", "first_draw"), ("c2", "settled")]


def test_draw_rates_by_branch(built: Warehouse) -> None:
    rates = built.rows(
        "select dimension_name, numerator, denominator from marts.mart_metric "
        f"where metric_code = 'drawdown_rate_credited_all' and business_date = date '{SECOND}' "
        "and dimension in ('bank', 'branch') order by dimension, dimension_value"
    )
    assert rates == [("示范农商银行", 2, 19), ("戴窑支行", 2, 12), ("城中支行", 0, 7)]


def test_a_stated_target_goes_before_one_that_follows_from_a_longer_period(built: Warehouse) -> None:
    targets = built.rows(
        "select period_type, target_figure, is_stated, actual, completion from marts.mart_target "
        f"where business_date = date '{SECOND}' and measure_code = 'managed_customers_online_credit' order by 1"
    )
    assert targets == [
        ("day", 24, False, 12, 0.5),
        ("month", 24, True, 12, 0.5),
        ("quarter", 30, False, 12, 0.4),
        ("year", 30, True, 12, 0.4),
    ]


def test_a_rank_is_compared_with_the_business_date_before(built: Warehouse) -> None:
    ranks = built.rows(
        "select business_date, manager_id, rank_in_bank, previous_rank, rank_change, score from marts.mart_ranking "
        "where organisation_level = 'manager' and period_type = 'month' order by business_date, manager_id"
    )
    assert ranks == [
        (FIRST, "M1", 1, None, None, 0),
        (FIRST, "M2", 1, None, None, 0),
        (SECOND, "M1", 1, 1, 0, 100),
        (SECOND, "M2", 2, 1, -1, 0),
    ]


def test_a_date_built_again_is_the_same_and_leaves_the_others_alone(built: Warehouse, definitions: Path) -> None:
    marts = (
        "mart_marketing_list",
        "mart_list_removal",
        "mart_list_waterfall",
        "mart_metric",
        "mart_manager_kpi",
        "mart_target",
        "mart_ranking",
    )

    def content() -> list[list[Any]]:
        dated = [
            built.rows(f"select * from marts.{mart} where business_date <= date '{SECOND}' order by all")
            for mart in marts
        ]
        return [*dated, built.rows("select * from marts.fct_list_row order by all")]

    before = content()
    assert all({row[0] for row in rows} == {FIRST, SECOND} for rows in before[2:-1])
    built.land("marketing.opt_out", THIRD, [refused(11, THIRD)])
    built.build(THIRD, *selected(*LISTS), definitions=definitions)
    assert removals(built, THIRD) == [("c11", "M1", "opted_out")]
    assert open_rows(built, THIRD)["c9"] == ("M1", THIRD)
    assert content()[:-1] == before[:-1]
    built.build(SECOND, *selected(*MODELS), definitions=definitions)
    assert content() == before


def test_one_more_refusal_on_an_earlier_date_changes_that_customer_and_who_takes_the_place(
    built: Warehouse, definitions: Path
) -> None:
    before = open_rows(built, SECOND)
    built.land("marketing.opt_out", SECOND, [refused(17, SECOND)])
    built.build(SECOND, *selected(*LISTS), definitions=definitions)
    assert removals(built, SECOND) == [("c12", "M1", "worked"), ("c17", "M2", "opted_out")]
    assert open_rows(built, SECOND) == {
        **{who: row for who, row in before.items() if who != "c17"}, "c19": ("M2", SECOND)
    }  # fmt: skip
