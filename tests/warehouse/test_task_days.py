"""Tasks from one date to the next: they stay, their outcome follows, and a date built again gives the same."""

from datetime import date

import pytest

from tests.warehouse.conftest import Warehouse, empty_warehouse, person
from tests.warehouse.test_days import account

MONDAY, TUESDAY = date(2026, 9, 21), date(2026, 9, 22)
MODELS = ("--select", "+int_task__followed", "+int_customer_week__visited")
RUN = ("run",)
TASKS = """
select
    tasks.rule_row, resolved.core_customer_id, tasks.created_date, tasks.assignee_id, tasks.due_date, tasks.task_status
from intermediate.int_task__followed as tasks
inner join intermediate.int_customer__resolved as resolved using (customer_id)
order by all
"""


def visit(number: int, customer_id: str, day: date, hour: int = 10, **columns: object) -> dict[str, object]:
    known = {
        "visit_id": f"v{number}",
        "customer_id": customer_id,
        "manager_id": "M1",
        "visit_type": "general",
        "visited_at": f"{day} {hour}:00:00",
        "recorded_at": f"{day} {hour}:30:00",
        "latitude": 32.0,
        "longitude": 120.0,
    }
    return known | columns


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two firms of one manager; c1's deposits rise by 6,000,000 on Monday, and it is visited on Tuesday."""
    warehouse = empty_warehouse(tmp_path_factory.mktemp("tasks"))
    employees = [
        {"employee_id": "M1", "employee_name": "甲", "login": "m1", "role": "manager", "branch_code": "B1"},
        {"employee_id": "M2", "employee_name": "丙", "login": "m2", "role": "manager", "branch_code": "B1"},
        {"employee_id": "H1", "employee_name": "乙", "login": "h1", "role": "branch_head", "branch_code": "B1"},
    ]
    warehouse.land("core.employee", MONDAY, employees)
    firm = {"customer_type": "enterprise", "id_number_key": None, "id_number_is_valid": None, "birth_date": None}
    firms = [person(n, **firm, credit_code=f"91321281MA1MC0{n}H9X", open_date=date(2020, 1, 1)) for n in (1, 2)]
    warehouse.land("core.customer", MONDAY, firms)
    warehouse.land("core.account", MONDAY, [account(1), account(2)])
    before = date(2026, 9, 20)
    balances = [{"account_id": "a1", "balance_date": before, "balance": 100}]
    balances += [{"account_id": "a1", "balance_date": MONDAY, "balance": 6_000_100}]
    warehouse.land("core.account_balance", MONDAY, balances)
    warehouse.build(MONDAY, *MODELS, command=RUN)
    return warehouse


def test_a_rise_of_six_millions_goes_to_the_head_of_the_branch(week: Warehouse) -> None:
    tasks = {(row, customer): rest for row, customer, *rest in week.rows(TASKS)}
    assert tasks["branch_head_visit", "c1"] == [MONDAY, "H1", date(2026, 9, 24), "open"]
    # both firms are asked for in the last part of the month, by their manager and, for the quarter, by the head
    assert tasks["visit_monthly", "c1"] == [MONDAY, "M1", date(2026, 9, 27), "open"]
    assert tasks["visit_quarterly", "c2"] == [MONDAY, "H1", date(2026, 9, 27), "open"]
    assert not any(row == "visit_after_loan" for row, _ in tasks)


def test_tasks_stay_and_their_outcome_follows(week: Warehouse) -> None:
    monday = week.rows(TASKS)
    week.land("marketing.visit", TUESDAY, [
        visit(1, "c1", TUESDAY), visit(2, "c1", TUESDAY, 15, manager_id="H1"),
        # ten minutes and forty kilometres apart: neither counts
        visit(3, "c2", TUESDAY, 10, manager_id="M2"),
        visit(4, "c1", TUESDAY, 10, manager_id="M2", visited_at=f"{TUESDAY} 10:10:00", latitude=32.4),
    ])  # fmt: skip
    week.build(TUESDAY, *MODELS, command=RUN)
    faults = week.rows("select visit_id, fault from intermediate.int_visit__checked where not is_valid order by 1")
    assert faults == [("v3", "impossible_travel"), ("v4", "impossible_travel")]
    tuesday = week.rows(TASKS)
    status = {(row, customer): last for row, customer, *_, last in tuesday}
    assert {row[:5] for row in monday} <= {row[:5] for row in tuesday}
    assert status["visit_monthly", "c1"] == status["branch_head_visit", "c1"] == "done"
    assert status["visit_monthly", "c2"] == "open", "a suspected visit does no task"
    planned = week.rows(
        "select count(*), count(*) filter (where visits > 0) from intermediate.int_customer_week__visited"
        " where is_planned"
    )
    assert planned == [(2, 1)], "the map's plan is the tasks' plan"
    week.build(TUESDAY, "--select", "int_task__generated", "int_task__followed", command=RUN)
    assert week.rows(TASKS) == tuesday, "a date built again gives the same tasks"
