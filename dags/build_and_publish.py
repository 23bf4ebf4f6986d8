"""Build the warehouse for a business date that is complete, audit it at gate 2, publish it.

Purpose: runs once per business date when every source family of the bank has landed it.
Owner: data engineering.
When it fails: `build` names the dbt nodes and its log below QIANMO_HOME/<bank>/dbt/logs; `check_marts` names the
failed expectations and where their rows are (`qianmo where data-docs`). The previous publication stays readable.
Mend the cause and clear the failed task; every step may be repeated.
"""

from functools import reduce
from operator import and_

from airflow.sdk import PartitionedAssetTimetable, dag, task

from dags.assets import MARTS, landing, sources
from dags.steps import DEFAULT_ARGUMENTS, business_date, progress, step
from qianmo.orchestrator import WAREHOUSE_POOL


@dag(
    schedule=PartitionedAssetTimetable(assets=reduce(and_, (landing(source) for source in sources()))),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    tags=["warehouse", "publication"],
    doc_md=__doc__,
)
def build_and_publish() -> None:
    @task(pool=WAREHOUSE_POOL)
    def build() -> str:
        """The date the warehouse stands at afterwards: later than the run's when a past date was re-sent."""
        with step() as bank:
            from qianmo.build import build as build_date

            return build_date(bank, business_date(), progress).as_of.isoformat()

    @task(pool=WAREHOUSE_POOL)
    def check_marts(as_of: str) -> None:
        with step() as bank:
            from datetime import date

            from expectations.marts import check_marts as gate

            gate(bank, date.fromisoformat(as_of))

    @task(pool=WAREHOUSE_POOL, outlets=[MARTS])
    def publish(as_of: str) -> str:
        with step() as bank:
            from datetime import date

            from serving.publish import publish as publish_marts

            return publish_marts(bank, date.fromisoformat(as_of)).version

    built = build()
    check_marts(built) >> publish(built)  # type: ignore[arg-type] # an XComArg stands for its value


build_and_publish()
