"""A person approves in a real Airflow: what is answered under "Required Actions" is what happens to the batches."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.bank import Bank, load_bank
from qianmo import ledger
from qianmo.home import PROJECT_ROOT
from qianmo.orchestrator import USER, Airflow, running
from tests.delivery.conftest import DAY, LIST_CODES, Marts, bank, list_row, published, removal

__all__ = ["bank", "published"]

NEXT_DAY, THIRD_DAY = DAY + timedelta(days=1), DAY + timedelta(days=2)
DAGS = ("deliver_lists", "approve_lists")
SECONDS = 300

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def airflow(bank: Bank, tmp_path: Path) -> Iterator[Airflow]:
    """Airflow with the two DAGs, for a bank where people decide."""
    folder = tmp_path / "asking"
    folder.mkdir()
    (folder / "bank.yml").write_text(
        f"name: {bank.name}\nlegal_entity_code: '321281'\nlegal_entity_name: 示范农商银行\nsources: []\n",
        encoding="utf-8",
    )
    assert load_bank(folder).automatic_approver is None
    dags = tmp_path / "dags"
    dags.mkdir()
    for name in DAGS:
        shutil.copy(PROJECT_ROOT / "dags" / f"{name}.py", dags)
    with running(folder, dags) as found:
        wait(lambda: {dag["dag_id"] for dag in found.get("/dags")["dags"]} == set(DAGS))
        for name in DAGS:
            found.call("PATCH", f"/dags/{name}", {"is_paused": False})
        yield found


def wait(is_so: Callable[[], Any]) -> Any:
    """What it gives once that is true; a hanging Airflow fails the test."""
    deadline = time.monotonic() + SECONDS
    while not (found := is_so()):
        assert time.monotonic() < deadline, "Airflow did not come to it"
        time.sleep(0.5)
    return found


def propose(airflow: Airflow, day: date) -> None:
    """Propose and deliver the date."""
    airflow.call("POST", "/dags/deliver_lists/dagRuns", {"logical_date": None, "partition_key": day.isoformat()})


def finished(airflow: Airflow, dag: str, day: date) -> str | None:
    """How the run of the date ended; None before its end."""
    runs = airflow.get(f"/dags/{dag}/dagRuns")["dag_runs"]
    (state,) = [run["state"] for run in runs if run["partition_key"] == day.isoformat()]
    return state if state in ("success", "failed") else None


def asked(airflow: Airflow, day: date) -> dict[str, Any]:
    """Propose and deliver the date, and wait for the question that follows."""
    propose(airflow, day)
    return wait(lambda: question(airflow, day))  # type: ignore[no-any-return]


def question(airflow: Airflow, day: date) -> dict[str, Any] | None:
    """What a person is asked for the date and has not answered."""
    found = airflow.get("/dags/~/dagRuns/~/hitlDetails")["hitl_details"]
    mine = [one for one in found if day.isoformat() in one["subject"] and not one["response_received"]]
    return mine[0] if mine and mine[0]["task_instance"]["state"] == "awaiting_input" else None


def answer(airflow: Airflow, day: date, option: str, **said: str) -> None:
    """Answer as the signed-in user, and wait for the end of the run.

    Within the second in which a task begins to wait, Airflow takes an answer for a crash and asks again. No person is
    so quick; here the question is answered as often as it is asked.
    """
    body = {"chosen_options": [option], "params_input": {"excluded": "", "reason": ""} | said}

    def answered() -> str | None:
        if again := question(airflow, day):
            task = again["task_instance"]
            time.sleep(2)
            where = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
            airflow.call("PATCH", f"{where}/{task['map_index']}/hitlDetails", body)
        return finished(airflow, "approve_lists", day)

    assert wait(answered) == "success"


def states(bank: Bank) -> dict[str, tuple[str, str | None, str | None]]:
    return {
        row["batch_id"]: (row["state"], row["decided_by"], row["reason"])
        for row in ledger.rows(bank.home, ledger.list_batch)
    }


def delivered(bank: Bank) -> dict[str, tuple[int, int]]:
    return {row["delivery_id"]: (row["rows"], row["removed_rows"]) for row in ledger.rows(bank.home, ledger.delivery)}


def test_a_person_leaves_one_batch_out_and_rejects_the_next_day(bank: Bank, published: Marts, airflow: Airflow) -> None:
    first, second = (f"{code}-20260928" for code in LIST_CODES)
    later = f"{LIST_CODES[0]}-20260929"
    published([list_row(0), list_row(2), list_row(4, list_code=LIST_CODES[1])])
    shown_to_approver = asked(airflow, DAY)["body"]
    assert delivered(bank) == {}
    for shown in (first, second, ledger.rows(bank.home, ledger.list_batch)[0]["content_sha256"][:12]):
        assert shown in shown_to_approver
    answer(airflow, DAY, "批准", excluded=second, reason="物料不符")
    assert states(bank) == {first: ("approved", USER, None), second: ("rejected", USER, "物料不符")}
    assert delivered(bank) == {
        f"{first}.branch.0101": (2, 0), f"{first}.manager.M0": (1, 0), f"{first}.manager.M2": (1, 0),
    }  # fmt: skip

    refused = removal(list_row(2), NEXT_DAY, DAY, ("opted_out", "客户拒绝该渠道营销"))
    published([list_row(0, listed_date=DAY), list_row(6)], NEXT_DAY, [refused])
    asked(airflow, NEXT_DAY)
    removals = {f"{later}.branch.0101": (1, 1), f"{later}.manager.M2": (0, 1)}
    assert delivered(bank).items() >= removals.items(), "removals wait for nobody"

    taken = [list_row(0, listed_date=DAY), list_row(6, listed_date=NEXT_DAY)]
    published(taken, THIRD_DAY, [refused], earlier=[([taken[0], list_row(6)], NEXT_DAY)])
    propose(airflow, THIRD_DAY)
    assert wait(lambda: finished(airflow, "deliver_lists", THIRD_DAY)) == "success"
    tasks = airflow.get("/dags/deliver_lists/dagRuns/~/taskInstances")["task_instances"]
    asking = [task["state"] for task in tasks if task["task_id"] == "ask_for_approval"]
    assert sorted(asking) == ["skipped", "success", "success"], "of what waits already nobody is asked again"
    answer(airflow, NEXT_DAY, "驳回", reason="暂停营销")
    assert states(bank)[later] == ("rejected", USER, "暂停营销")
    assert delivered(bank).items() >= removals.items()
