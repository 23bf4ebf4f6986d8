"""Deliver the marketing lists of a business date: one encrypted file per branch and manager, with a manifest.

Purpose: runs once per business date after its marts are published.
Owner: data engineering.
When it fails: nothing is half delivered (files are placed whole, the ledger row last). Mend the cause and clear the
task; a delivery that is already recorded is not made twice.
"""

from airflow.sdk import PartitionedAssetTimetable, dag, task

from dags.assets import MARTS
from dags.steps import DEFAULT_ARGUMENTS, business_date, progress, step


@dag(
    schedule=PartitionedAssetTimetable(assets=MARTS),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    tags=["delivery"],
    doc_md=__doc__,
)
def deliver_lists() -> None:
    @task
    def deliver() -> int:
        """The number of deliveries the date has."""
        with step() as bank:
            from delivery.deliver import deliver as deliver_date

            return len(deliver_date(bank, business_date(), progress))

    deliver()


deliver_lists()
