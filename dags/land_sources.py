"""Land the deliveries of one source family for one business date, then gate 1.

Purpose: one DAG per source family that the bank folder lists; each night the day before becomes typed Parquet.
Owner: data engineering.
When it fails: the failed task's log ends with one message naming file, expected and found. Ask the source system to
send the file again, then run the date again (`airflow backfill create --dag-id land_<source> --from-date <date>
--to-date <date after> --reprocess-behavior failed`, or trigger with the partition key). Other sources go on; the
date is built once all have landed; what was published before stays readable.
"""

import os

from airflow.sdk import CronPartitionTimetable, PartitionedAtRuntime, dag, task

from dags.assets import landing, sources
from dags.steps import DEFAULT_ARGUMENTS, business_date, progress, step


def _schedule() -> CronPartitionTimetable | PartitionedAtRuntime:
    """The tick of 01:00 lands the day before, and that day is the key; QIANMO_NIGHTLY=no leaves it to whoever asks."""
    if os.environ.get("QIANMO_NIGHTLY") == "no":
        return PartitionedAtRuntime()
    return CronPartitionTimetable("0 1 * * *", timezone="Asia/Shanghai", run_offset=-1, key_format="%Y-%m-%d")


def _landing_dag(source: str) -> None:
    @dag(
        dag_id=f"land_{source}",
        schedule=_schedule(),
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULT_ARGUMENTS,
        tags=["landing", source],
        doc_md=__doc__,
    )
    def land_source() -> None:
        @task
        def land() -> None:
            with step() as bank:
                from ingestion.land import land as land_tables

                land_tables(bank, source, business_date(), progress)

        @task(outlets=[landing(source)])
        def check_landing() -> None:
            with step() as bank:
                from expectations.landing import check_landing as gate

                gate(bank, source, business_date())

        land() >> check_landing()

    land_source()


for _source in sources():
    _landing_dag(_source)
