"""DAG integrity: they import, are complete, and follow the house rules."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dags.assets import MARTS, PROPOSALS, landing, sources
from qianmo.home import PROJECT_ROOT
from qianmo.orchestrator import WAREHOUSE_POOL

if TYPE_CHECKING:
    from airflow.sdk import DAG

DAGS = PROJECT_ROOT / "dags"


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "DAG"]]:
    with pytest.MonkeyPatch.context() as environment:
        home = tmp_path_factory.mktemp("airflow")
        environment.setenv("AIRFLOW_HOME", str(home))
        environment.setenv("AIRFLOW__CORE__UNIT_TEST_MODE", "false")
        environment.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{home / 'airflow.db'}")
        environment.delenv("QIANMO_BANK", raising=False)
        from airflow.dag_processing.dagbag import DagBag

        found = DagBag(dag_folder=DAGS, known_pools={WAREHOUSE_POOL, "default_pool"})
        assert not found.import_errors
        assert found.dags, "an empty bag"
        yield found.dags


def test_every_family_has_a_landing_dag_and_nothing_is_missing(bag: dict[str, "DAG"]) -> None:
    assert set(bag) == {f"land_{source}" for source in sources()} | {
        "build_and_publish", "deliver_lists", "approve_lists", "delete_expired",
    }  # fmt: skip


def test_house_rules(bag: dict[str, "DAG"]) -> None:
    for dag in bag.values():
        assert dag.tags, dag.dag_id
        assert dag.catchup is False, dag.dag_id
        if dag.dag_id != "approve_lists":  # a date that waits for an answer does not hold up the next
            assert dag.max_active_runs == 1, f"{dag.dag_id}: business dates go in order"
        assert dag.doc_md, dag.dag_id
        for part in ("Purpose:", "Owner:", "When it fails:"):
            assert part in dag.doc_md, f"{dag.dag_id} lacks {part}"
        for task in dag.tasks:
            assert task.owner == "data-engineering", task.task_id
            assert task.retries >= 1, task.task_id
            assert task.execution_timeout, task.task_id


def test_landing_is_partitioned_by_the_day_before(bag: dict[str, "DAG"]) -> None:
    for source in sources():
        timetable: Any = bag[f"land_{source}"].timetable
        assert type(timetable).__name__ == "CronPartitionTimetable"
        assert (timetable.run_offset, timetable.key_format) == (-1, "%Y-%m-%d")
        assert timetable.expression == "0 1 * * *"
        assert "Asia/Shanghai" in str(timetable.timezone)


def test_where_runs_are_asked_for_none_comes_by_itself(bag: dict[str, "DAG"], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANMO_NIGHTLY", "no")
    from airflow.dag_processing.dagbag import DagBag

    asked = DagBag(dag_folder=DAGS / "land_sources.py", known_pools={"default_pool"}).dags
    assert set(asked) == {name for name in bag if name.startswith("land_")}
    assert not any(dag.timetable.can_be_scheduled for dag in asked.values())


def test_assets_chain_the_dags(bag: dict[str, "DAG"]) -> None:
    build: Any = bag["build_and_publish"].timetable
    deliver: Any = bag["deliver_lists"].timetable
    assert type(build).__name__ == type(deliver).__name__ == "PartitionedAssetTimetable"
    waited_for = {asset.name for asset in build.asset_condition.objects}
    assert waited_for == {landing(source).name for source in sources()}
    assert deliver.asset_condition == MARTS
    assert _outlets(bag["deliver_lists"]) == {"ask_for_approval": {PROPOSALS.name}}
    assert bag["approve_lists"].timetable.asset_condition == PROPOSALS


def test_an_asset_is_emitted_only_after_its_gate(bag: dict[str, "DAG"]) -> None:
    for source in sources():
        dag = bag[f"land_{source}"]
        assert _edges(dag) == {("land", "check_landing")}
        assert _outlets(dag) == {"check_landing": {f"landing_{source}"}}
    build = bag["build_and_publish"]
    assert {("build", "check_marts"), ("check_marts", "publish")} <= _edges(build)
    assert _outlets(build) == {"publish": {MARTS.name}}


def test_only_one_task_touches_the_warehouse(bag: dict[str, "DAG"]) -> None:
    assert {task.task_id for dag in bag.values() for task in dag.tasks if task.pool == WAREHOUSE_POOL} == {
        "build", "check_marts", "publish",
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(DAGS.glob("*.py")), ids=lambda path: path.name)
def test_dag_files_import_nothing_heavy(path: Path) -> None:
    """The DAG processor parses these files again and again."""
    heavy = {"duckdb", "pandas", "great_expectations", "dbt", "ingestion", "expectations", "serving", "delivery"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not imported & heavy


def _edges(dag: "DAG") -> set[tuple[str, str]]:
    return {(task.task_id, after) for task in dag.tasks for after in task.downstream_task_ids}


def _outlets(dag: "DAG") -> dict[str, set[str]]:
    return {task.task_id: {outlet.name for outlet in task.outlets} for task in dag.tasks if task.outlets}
