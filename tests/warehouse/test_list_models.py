"""The models of lists that are Python: what they read, join and hand on."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from qianmo.definitions import DBT_PROJECT, model_columns
from qianmo.response_model import ASSESSED, assessed, response_model
from tests.qianmo.test_response_model import A, B, past, present

LISTS = DBT_PROJECT / "models" / "intermediate" / "list"


class Project:
    """What dbt gives a Python model, on tables of a few rows; columns not given are null."""

    def __init__(self) -> None:
        self.session = duckdb.connect()

    def config(self, **_: Any) -> None: ...

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.session.table(name)

    def fill(self, name: str, rows: list[dict[str, Any]] | pa.Table) -> None:
        if not isinstance(rows, pa.Table):
            names = dict.fromkeys(name for one in rows for name in one)
            rows = pa.Table.from_pylist([{name: one.get(name) for name in names} for one in rows])
        columns = (
            f"cast({column if column in rows.column_names else 'null'} as {kind}) as {column}"
            for column, kind in model_columns(name).items()
        )
        self.session.register("given", rows)
        self.session.execute(f"create table {name} as select {', '.join(columns)} from given")

    def run(self, name: str) -> list[dict[str, Any]]:
        """Rows of the model, in the order of all columns."""
        spec = spec_from_file_location(name, LISTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        found = module.model(self, self.session)
        rows: list[dict[str, Any]] = found.order("all").to_arrow_table().to_pylist()
        return rows


@pytest.fixture
def project() -> Iterator[Project]:
    project = Project()
    yield project
    project.session.close()


def row(**columns: Any) -> dict[str, Any]:
    return {"legal_entity_code": "x", **columns}


def test_only_permitted_candidates_of_lists_that_take_customers_are_given_out(project: Project) -> None:
    lists = {"daily": True, "monthly": False}
    project.fill("int_list__definition", [
        row(list_code=code, is_due=is_due, channel="visit", priority=2, capacity_per_manager=2)
        for code, is_due in lists.items()
    ])  # fmt: skip
    who = {"P1": {}, "P2": {"suppressed_by": "opted_out"}, "P3": {"is_standing": True}, "P4": {}, "P5": {}}
    candidates = [row(list_code=code, customer_id=customer) for code in lists for customer in who]
    project.fill("int_list__permitted", [
        {"suppressed_by": None, "is_standing": False} | one | who[one["customer_id"]] for one in candidates
    ])  # fmt: skip
    project.fill("int_list__candidate", [{"own_manager_id": "M1", "branch_code": "B1"} | one for one in candidates])
    project.fill("int_list__scored", [{"score": float(one["customer_id"][1])} | one for one in candidates])
    project.fill("int_list__capacity", [row(manager_id="M1", channel="visit", branch_code="B1", is_team=True, free=9)])
    # P3's row, and one that ends today and gives its place back
    project.fill("int_list__standing", [
        row(list_code="daily", manager_id="M1", customer_id="P3"),
        row(list_code="daily", manager_id="M1", customer_id="P9", close_reason="worked"),
    ])  # fmt: skip
    told = project.run("int_list__dispatched")
    assert set(told[0]) == set(model_columns("int_list__dispatched"))
    assert [(one["customer_id"], one["served"], one["limited_by"]) for one in told] == [
        ("P1", False, "list"), ("P4", False, "list"), ("P5", True, None),
    ]  # fmt: skip
    assert {one["list_code"] for one in told} == {"daily"}


def test_the_model_ranks_the_lists_it_took_over_and_the_rule_the_others(project: Project) -> None:
    today = present("a")
    for_a = today.set_column(0, "legal_entity_code", pa.array(["x"] * today.num_rows))
    is_present = pa.array([True] * today.num_rows)
    project.fill("int_list__response_input", for_a.append_column("is_present", is_present))
    candidates = today.select(["list_code", "customer_id"]).to_pylist()
    candidates += [{"list_code": "b", "customer_id": "P0"}]
    project.fill("int_list__candidate", [row(response_rule=0.1, value_amount=1000.0, **one) for one in candidates])
    project.fill("int_list__definition", [row(list_code=code, outcome="credited") for code in "ab"])
    rows = past("a", weight=2.0)
    project.fill("int_list__past_row", rows)
    told = project.run("int_list__assessed")
    assert set(told[0]) == set(model_columns("int_list__assessed")) == {"legal_entity_code", *ASSESSED.names}
    expected = assessed(pa.concat_tables([A, B]), rows, today, response_model()).to_pylist()
    assert [one["decision"] for one in told] == [one["decision"] for one in expected]
    assert [one["is_model"] for one in told] == [True, False]

    project.fill("int_list__assessed", pa.Table.from_pylist(told))
    scored = project.run("int_list__scored")
    assert set(scored[0]) == set(model_columns("int_list__scored"))
    by_rule = [one for one in scored if one["scored_by"] == "rule"]
    assert by_rule == [
        row(list_code="b", customer_id="P0", response_probability=0.1, value_amount=1000.0, score=100.0,
            scored_by="rule", score_reason=None)
    ]  # fmt: skip
    by_model = [one for one in scored if one["scored_by"] == "model"]
    assert len(by_model) == today.num_rows
    assert all(one["score"] == one["response_probability"] * 1000 and one["score_reason"] for one in by_model)
    assert len({one["response_probability"] for one in by_model}) > 100
