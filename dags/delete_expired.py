"""Delete what was kept long enough: packages, frozen batches, quarantined rows, superseded files.

Purpose: runs every Sunday; the days are `retention` in bank.yml, and each deletion leaves its SHA-256 in the ledger.
Owner: data engineering.
When it fails: nothing is half deleted without being written down. Mend the cause and clear the task; `qianmo retention
--dry-run` says what is due.
"""

from airflow.sdk import CronTriggerTimetable, dag, task

from dags.steps import DEFAULT_ARGUMENTS, progress, step


@dag(
    schedule=CronTriggerTimetable("0 5 * * 0", timezone="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    tags=["retention"],
    doc_md=__doc__,
)
def delete_expired() -> None:
    @task
    def delete() -> int:
        with step() as bank:
            from qianmo.retention import delete_expired as delete_what_is_due
            from qianmo.retention import today

            return delete_what_is_due(bank, today(bank), progress)

    delete()


delete_expired()
