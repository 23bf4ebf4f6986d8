"""Deliver the marketing lists of a business date: one encrypted package per branch and manager, with a manifest.

Purpose: runs once per business date after its marts are published. The rows that lists opened are frozen and proposed;
what is approved goes out, and so does every removal, which waits for nobody. What still waits for a person starts
`approve_lists`; where the bank approves automatically (`approval.automatic` in bank.yml) nothing does.
Owner: data engineering.
When it fails: nothing is half delivered (files are placed whole, the ledger row last). Mend the cause and clear the
task; a delivery that is already recorded is not made twice.
"""

from airflow.sdk import PartitionedAssetTimetable, dag, task

from dags.assets import MARTS, PROPOSALS
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
    @task.short_circuit
    def deliver() -> list[str]:
        """The batches that wait for a person; with none there is nobody to ask. Of earlier ones somebody was asked."""
        with step() as bank:
            from delivery.approval import pending
            from delivery.deliver import hand_over

            day = business_date()
            hand_over(bank, day, progress)
            return [batch["batch_id"] for batch in pending(bank.home, since=day)]

    @task(outlets=[PROPOSALS])
    def ask_for_approval() -> None:
        """Starts `approve_lists`."""

    deliver() >> ask_for_approval()


deliver_lists()
