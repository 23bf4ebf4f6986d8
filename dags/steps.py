"""What every task shares: its bank, its business date, who owns it, and when a retry makes sense."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from dags.assets import bank_folder
from qianmo.errors import ConfigurationError, DataRefusedError

if TYPE_CHECKING:
    from ingestion.bank import Bank

OWNER = "data-engineering"

DEFAULT_ARGUMENTS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "execution_timeout": timedelta(hours=4),
}


def business_date() -> date:
    """The partition key of the run. (`partition_date` is a UTC instant of the day before.)"""
    key = get_current_context()["dag_run"].partition_key
    if key is None:
        raise AirflowFailException("this run has no partition key: trigger it with a business date, YYYY-MM-DD")
    return date.fromisoformat(key)


@contextmanager
def step() -> Iterator["Bank"]:
    """The bank; refused data and faulty configuration fail the task at once, a broken tool is retried."""
    from ingestion.bank import load_bank

    try:
        yield load_bank(bank_folder())
    except (DataRefusedError, ConfigurationError) as error:
        raise AirflowFailException(str(error)) from None


def progress(text: str) -> None:
    """Progress lines go to the task's log."""
    print(text, flush=True)
