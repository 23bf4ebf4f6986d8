"""Which dates a build builds, in what order, and that refusals, breakage and kills do no harm.

The order is tested with dbt left out; the rest runs dbt on a project of one model.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion.bank import Bank
from qianmo import build as building
from qianmo import ledger
from qianmo.build import PENDING, build, built_dates
from qianmo.errors import DataRefusedError, ToolBrokenError
from qianmo.home import BankHome

D1, D2, D3 = date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)

PROJECT = {
    "dbt_project.yml": "name: tiny\nprofile: tiny\nmodel-paths: [models]\ntest-paths: [tests]\n",
    "profiles.yml": """
tiny:
  target: duckdb
  outputs: {duckdb: {type: duckdb, path: "{{ env_var('QIANMO_WAREHOUSE') }}", threads: 1}}
""",
    "models/day.sql": """
{{ config(materialized='incremental', unique_key='business_date', incremental_strategy='delete+insert') }}
select
    date '{{ var("business_date") }}' as business_date,
    '{{ var("legal_entity_code") }}' as legal_entity_code,
    count(*) as batches,
    {{ var("lists") | length }} as lists,
from read_parquet('{{ var("landing_root") }}/_ledger/landing_batch.parquet')
where business_date <= '{{ var("business_date") }}'
{% if env_var('TINY_WAITS_FOR', '') %}
    and (select count(*) from read_csv('{{ env_var("TINY_WAITS_FOR") }}', columns = {'line': 'varchar'})) >= 0
{% endif %}
""",
    "tests/nothing_refused.sql": """
select * from {{ ref('day') }} where business_date = '{{ env_var("TINY_REFUSE", "2000-01-01") }}'
""",
}


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    project = tmp_path / "project"
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(building, "DBT_PROJECT", project)
    home = BankHome(tmp_path / "home" / "tiny")
    return Bank("tiny", tmp_path, "321281", "示范农商银行", "Asia/Shanghai", home.inbox, {}, home)


@pytest.fixture
def no_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dbt run that only makes the warehouse file."""

    def run(bank: Bank, _day: date, _progress: object) -> None:
        duckdb.connect(str(bank.home.warehouse)).close()

    monkeypatch.setattr(building, "_run_dbt", run)


def land(bank: Bank, day: date, content: str = "first") -> None:
    row = {
        "source": "core", "table_name": "customer", "business_date": day.isoformat(), "status": "landed",
        "batch_id": content, "content_sha256": content, "contract_version": 1,
        "rows_in": 1, "rows_landed": 1, "rows_quarantined": 0,
    }  # fmt: skip
    with ledger.transaction(bank.home) as transaction:
        ledger.put(transaction, ledger.landing_batch, row)


def days(bank: Bank) -> list[tuple[date, int]]:
    with duckdb.connect(str(bank.home.warehouse), read_only=True) as connection:
        return connection.execute("select business_date, batches from main.day order by 1").fetchall()


@pytest.mark.usefixtures("no_dbt")
def test_earlier_dates_are_built_first_and_nothing_twice(bank: Bank) -> None:
    for day in (D1, D2, D3):
        land(bank, day)
    result = build(bank, D2, str)
    assert (result.built, result.as_of) == ([D1, D2], D2)
    lines: list[str] = []
    assert build(bank, D2, lines.append).built == []
    assert "already built" in lines[-1]
    assert build(bank, D1, str).as_of == D2


@pytest.mark.usefixtures("no_dbt")
def test_a_resent_file_rebuilds_its_date_and_every_later_one(bank: Bank) -> None:
    for day in (D1, D2, D3):
        land(bank, day)
    build(bank, D3, str)
    land(bank, D2, "re-sent")
    result = build(bank, D2, str)
    assert (result.built, result.as_of) == ([D2, D3], D3)
    assert build(bank, D3, str).built == []


@pytest.mark.usefixtures("no_dbt")
def test_a_late_date_is_built_before_those_after_it(bank: Bank) -> None:
    for day in (D1, D3):
        land(bank, day)
    build(bank, D3, str)
    land(bank, D2)
    assert build(bank, D2, str).built == [D2, D3]


@pytest.mark.usefixtures("no_dbt")
def test_new_code_rebuilds_the_date_asked_for(bank: Bank) -> None:
    for day in (D1, D2):
        land(bank, day)
    build(bank, D2, str)
    model = building.DBT_PROJECT / "models" / "day.sql"
    model.write_text(model.read_text() + "-- changed\n")
    assert build(bank, D2, str).built == [D2]


@pytest.mark.usefixtures("no_dbt")
def test_new_python_of_models_rebuilds_the_date_asked_for(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = tmp_path / "package" / "lift.py"
    called.parent.mkdir()
    called.write_text("ALPHA = 0.05\n")
    monkeypatch.setattr(building, "PACKAGE", called.parent)
    land(bank, D1)
    build(bank, D1, str)
    assert build(bank, D1, str).built == []
    called.write_text("ALPHA = 0.1\n")
    assert build(bank, D1, str).built == [D1]


@pytest.mark.usefixtures("no_dbt")
def test_a_lost_or_damaged_warehouse_is_built_anew(bank: Bank) -> None:
    for day in (D1, D2):
        land(bank, day)
    build(bank, D2, str)
    bank.home.warehouse.write_bytes(b"no database" * 1000)
    lines: list[str] = []
    result = build(bank, D1, lines.append)
    assert (result.built, result.as_of) == ([D1, D2], D2)
    assert "building it anew" in lines[0]
    bank.home.warehouse.unlink()
    assert build(bank, D2, str).built == [D1, D2]


def test_dbt_builds_as_of_each_date(bank: Bank) -> None:
    for day in (D1, D2):
        land(bank, day)
    lines: list[str] = []
    build(bank, D2, lines.append)
    assert f"{D1}: built 1 models, 1 data tests passed" in lines
    assert days(bank) == [(D1, 1), (D2, 2)]
    assert bank.home.dbt_manifest.exists()
    assert not (building.DBT_PROJECT / "target").exists(), "the source tree stays clean"


def test_a_failed_data_test_refuses_and_is_taken_up_again(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (D1, D2):
        land(bank, day)
    monkeypatch.setenv("TINY_REFUSE", D2.isoformat())
    with pytest.raises(DataRefusedError, match="nothing_refused") as raised:
        build(bank, D2, str)
    assert f"build-{D2}.log" in str(raised.value)
    assert built_dates(bank) == [D1]
    monkeypatch.delenv("TINY_REFUSE")
    assert build(bank, D2, str).built == [D2]


def test_a_broken_model_is_no_fault_of_the_data(bank: Bank) -> None:
    land(bank, D1)
    (building.DBT_PROJECT / "models" / "broken.sql").write_text("select no_such_column from {{ ref('day') }}")
    with pytest.raises(ToolBrokenError, match="broken"):
        build(bank, D1, str)


def test_a_project_that_does_not_parse(bank: Bank) -> None:
    land(bank, D1)
    (building.DBT_PROJECT / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(ToolBrokenError, match="nowhere"):
        build(bank, D1, str)


def test_a_date_that_failed_gate_1_is_not_built(bank: Bank) -> None:
    land(bank, D1)
    failed = {
        "gate": "landing", "subject": "core.customer", "business_date": D1.isoformat(), "expectation": "key_unique",
        "severity": "critical", "success": 0,
    }  # fmt: skip
    with ledger.transaction(bank.home) as transaction:
        ledger.put(transaction, ledger.gate_result, failed)
    with pytest.raises(DataRefusedError, match=r"gate 1: core\.customer key_unique"):
        build(bank, D1, str)


@pytest.mark.usefixtures("no_dbt")
def test_another_writer_is_a_broken_tool(bank: Bank) -> None:
    land(bank, D1)
    build(bank, D1, str)
    land(bank, D2)
    holder = (
        "import duckdb, time\n"
        f"connection = duckdb.connect({str(bank.home.warehouse)!r}); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with pytest.raises(ToolBrokenError, match="another process is writing"):
                build(bank, D2, str)
        finally:
            process.kill()


def test_a_killed_build_leaves_no_dbt_behind_and_is_repeated(bank: Bank, tmp_path: Path) -> None:
    for day in (D1, D2):
        land(bank, day)
    build(bank, D1, str)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = (
        "import sys; from pathlib import Path; from datetime import date\n"
        "from ingestion.bank import Bank; from qianmo import build as b; from qianmo.home import BankHome\n"
        f"b.DBT_PROJECT = Path({str(building.DBT_PROJECT)!r}); home = BankHome(Path({str(bank.home.root)!r}))\n"
        "bank = Bank('tiny', Path('.'), '321281', '示范农商银行', 'Asia/Shanghai', home.inbox, {}, home)\n"
        f"b.build(bank, date.fromisoformat('{D2}'), lambda line: print(line, flush=True))\n"
    )
    environment = os.environ | {"TINY_WAITS_FOR": str(pipe)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        dbt = _child(process.pid)
        # Opening the pipe waits for its reader: dbt is in the model now, with the file open for writing.
        with pipe.open("w"):
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    for _ in range(100):
        if not Path(f"/proc/{dbt}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{dbt}").exists()
    assert [row["input_digest"] == PENDING for row in ledger.rows(bank.home, ledger.build)] == [False, True]
    assert build(bank, D1, str).built == [D2], "what was interrupted is finished, whichever date is asked for"
    assert days(bank) == [(D1, 1), (D2, 2)]


def _child(pid: int) -> int:
    for _ in range(100):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.05)
    raise AssertionError("dbt was not started")
