"""The DAGs, run by a real scheduler: what `qianmo demo` leaves behind."""

import sqlite3
from pathlib import Path

import duckdb
import pytest

from dags.assets import sources
from tests.county import DATES, SampleCounty

pytestmark = pytest.mark.timeout(1800)


def test_each_dag_ran_once_per_business_date(sample_county: SampleCounty) -> None:
    with sqlite3.connect(sample_county.home / "airflow" / "airflow.db") as connection:
        runs = connection.execute("select dag_id, partition_key, state from dag_run").fetchall()
    names = [*(f"land_{source}" for source in sources()), "build_and_publish", "deliver_lists"]
    assert sorted(runs) == sorted((name, day, "success") for name in names for day in DATES)


def test_every_row_is_accounted_for(sample_county: SampleCounty) -> None:
    days = sample_county.status()["business_dates"]
    assert list(days) == list(DATES)
    for day in days.values():
        assert day["tables"]
        assert day["built"]
        for name, table in day["tables"].items():
            assert table["status"] == "landed", name
            assert table["rows_in"] == table["rows_landed"] + table["rows_quarantined"], name
        for gate in ("landing", "marts"):
            assert day["checks"][gate]["passed"]
            assert not day["checks"][gate]["critical"]


def test_three_dates_are_published_and_lists_delivered(sample_county: SampleCounty) -> None:
    status = sample_county.status()
    assert [one["business_date"] for one in status["publications"]] == list(DATES)
    assert status["published_version"] == status["publications"][-1]["version"]
    lists = {day: {one["list_code"] for one in status["deliveries"] if one["business_date"] == day} for day in DATES}
    assert len(lists[DATES[0]]) >= 6
    # After that a recipient hears of a list only when it changed.
    assert all(lists.values())


def test_the_published_file_holds_the_promised_tables(sample_county: SampleCounty) -> None:
    file = sample_county.qianmo("where", "marts").stdout.strip()
    promised = {
        "dim_customer", "dim_grid", "dim_manager", "dim_branch", "fct_customer_tag", "mart_customer_360", "mart_grid",
        "fct_funnel_event", "mart_funnel", "mart_metric", "mart_manager_kpi", "mart_marketing_list",
        "mart_list_waterfall", "mart_data_quality",
    }  # fmt: skip
    with duckdb.connect(file, read_only=True) as connection:
        tables = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
        assert promised <= tables
        empty = [name for name in promised if not connection.execute(f"from marts.{name} limit 1").fetchone()]
        days = connection.execute("select distinct business_date::varchar from marts.mart_metric order by 1").fetchall()
    assert not empty
    assert [day for (day,) in days] == list(DATES)


def test_the_summary_says_where_to_look(sample_county: SampleCounty) -> None:
    assert "make serve" in sample_county.output
    assert sample_county.status()["published_version"] in sample_county.output


def test_nothing_is_left_running(sample_county: SampleCounty) -> None:
    mark = f"QIANMO_HOME={sample_county.home}\0".encode()
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() + b"\0":
                left.append((process / "cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            continue
    assert not left


def test_repeating_a_date_by_hand_changes_nothing(sample_county: SampleCounty) -> None:
    before = sample_county.status()
    done = sample_county.qianmo("run", "--date", DATES[-1])
    assert done.returncode == 0, done.stderr
    after = sample_county.status()
    for part in ("business_dates", "published_version", "publications", "deliveries"):
        assert after[part] == before[part], part
