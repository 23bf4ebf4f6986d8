"""Publication: same content same version, nothing half done after a kill, open readers undisturbed."""

import json
import os
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError, DataRefusedError
from qianmo.home import PROJECT_ROOT
from serving.publish import current, current_publication, pointer_file, publish, roll_back, versions
from tests.serving.small_marts import small_bank

DAY = date(2026, 9, 28)
NEXT_DAY = date(2026, 9, 29)


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return small_bank(tmp_path)


def fill(bank: Bank, customers: int, order: str = "asc") -> None:
    """A warehouse with two marts and a schema that is not published."""
    bank.home.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(bank.home.warehouse)) as connection:
        connection.execute("create schema if not exists marts; create schema if not exists intermediate")
        connection.execute("create or replace table intermediate.secret as select 1 as a")
        connection.execute(
            "create or replace table marts.mart_marketing_list as"
            " select i as customer_id, '138****' || i as phone_masked, i / 3.0 as score"
            f" from range({customers}) as t(i) order by i {order}"
        )
        connection.execute(
            "create or replace table marts.dim_branch as select 'B01' as branch_code, date '2020-01-01' as d"
        )


def read(path: Path, sql: str) -> Any:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_publishes_the_marts_alone_read_only_with_ledger_row_and_pointer(bank: Bank) -> None:
    fill(bank, 3)
    publication = publish(bank, DAY)
    path = current(bank)
    assert path.name == publication.file == f"marts-{publication.version}.duckdb"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert read(path, "select distinct schema_name from duckdb_tables()") == [("marts",)]
    assert read(path, "select count(*) from marts.mart_marketing_list") == [(3,)]
    assert [row["version"] for row in ledger.rows(bank.home, ledger.publication)] == [publication.version]
    assert json.loads(pointer_file(bank.home).read_text())["version"] == publication.version


def test_review_views_have_no_contact_columns(bank: Bank) -> None:
    fill(bank, 3)
    publish(bank, DAY)
    columns = [row[0] for row in read(current(bank), "describe review.review_marketing_list")]
    assert columns == ["customer_id", "score"]


def test_a_view_is_published_as_its_definition(bank: Bank) -> None:
    def define(text: str) -> None:
        with duckdb.connect(str(bank.home.warehouse)) as connection:
            connection.execute(
                f'create or replace view "warehouse"."marts"."mart_sentence" as'
                f" select customer_id, {text} as why, phone_masked from marts.mart_marketing_list"
            )

    fill(bank, 3)
    define("'得分' || round(score)")
    first = publish(bank, DAY)
    read_from = "select why from marts.mart_sentence where customer_id = 2"
    assert read(current(bank), read_from) == [("得分1.0",)]
    kinds = "select table_type from information_schema.tables where table_name = 'mart_sentence'"
    assert read(current(bank), kinds) == [("VIEW",)]
    assert read(current(bank), "select count(*) from review.review_sentence") == [(3,)]
    assert publish(bank, DAY) == first
    define("'分数' || round(score)")
    assert publish(bank, DAY).version != first.version, "another sentence is another content"


def test_same_content_is_the_same_version_whatever_the_order_of_rows(bank: Bank) -> None:
    fill(bank, 1000)
    first = publish(bank, DAY)
    written = current(bank).stat().st_mtime_ns
    fill(bank, 1000, order="desc")
    assert publish(bank, DAY) == first
    assert current(bank).stat().st_mtime_ns == written
    fill(bank, 1001)
    assert publish(bank, DAY).version != first.version


def test_an_earlier_date_does_not_move_the_pointer(bank: Bank) -> None:
    fill(bank, 3)
    later = publish(bank, NEXT_DAY)
    fill(bank, 2)
    earlier = publish(bank, DAY)
    assert earlier.business_date == "2026-09-28"
    assert current_publication(bank) == later


def test_roll_back_withdraws_until_newer_content_comes(bank: Bank) -> None:
    fill(bank, 3)
    good = publish(bank, DAY)
    fill(bank, 4)
    bad = publish(bank, NEXT_DAY)
    roll_back(bank, good.version)
    assert current_publication(bank) == good
    publish(bank, NEXT_DAY)
    assert current_publication(bank) == good, "a repeated step must not bring the withdrawn version back"
    fill(bank, 5)
    assert publish(bank, NEXT_DAY) == current_publication(bank)
    assert roll_back(bank, bad.version) == current_publication(bank)


def test_roll_back_to_an_unknown_version_names_the_kept_ones(bank: Bank) -> None:
    fill(bank, 3)
    version = publish(bank, DAY).version
    with pytest.raises(ConfigurationError, match=version):
        roll_back(bank, "2020-01-01-00000000")


def test_a_reader_of_the_old_version_keeps_reading_while_versions_expire(bank: Bank) -> None:
    fill(bank, 1)
    publish(bank, DAY)
    first = current(bank)
    with duckdb.connect(str(first), read_only=True) as reader:
        for customers in (2, 3, 4):
            fill(bank, customers)
            publish(bank, DAY, kept=2)
        assert not first.exists()
        assert reader.execute("select count(*) from marts.mart_marketing_list").fetchone() == (1,)
    assert len(versions(bank)) == 2
    assert read(current(bank), "select count(*) from marts.mart_marketing_list") == [(4,)]


def test_the_version_that_is_read_never_expires(bank: Bank) -> None:
    fill(bank, 1)
    old = publish(bank, DAY)
    fill(bank, 2)
    publish(bank, DAY)
    roll_back(bank, old.version)
    fill(bank, 3)
    publish(bank, date(2026, 9, 1), kept=1)
    assert current_publication(bank) == old
    assert current(bank).exists()


def test_missing_warehouse_and_empty_marts_are_refused(bank: Bank) -> None:
    with pytest.raises(DataRefusedError, match="qianmo build"):
        publish(bank, DAY)
    bank.home.warehouse.parent.mkdir(parents=True)
    duckdb.connect(str(bank.home.warehouse)).close()
    with pytest.raises(DataRefusedError, match="no table"):
        publish(bank, DAY)
    with pytest.raises(ConfigurationError, match="nothing is published"):
        current(bank)


KILLED = """
import os, sys
from datetime import date
from pathlib import Path
import serving.publish as p
from tests.serving.small_marts import small_bank
def die(*arguments, **named):
    os.kill(os.getpid(), 9)
where = sys.argv[2]
if where == "while writing":
    Path.chmod = die
elif where == "before the rename":
    os.fsync = die
elif where == "before the ledger row":
    p.ledger.put = die
elif where == "before the pointer":
    p._write_pointer = die
p.publish(small_bank(Path(sys.argv[1])), date(2026, 9, 28))
"""


@pytest.mark.parametrize("where", ["while writing", "before the rename", "before the ledger row", "before the pointer"])
def test_killed_anywhere_and_run_again_gives_the_same_publication(bank: Bank, where: str) -> None:
    fill(bank, 10)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(bank.home.root), where],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        check=False,
    )
    assert killed.returncode == -9
    assert current_publication(bank) is None
    publication = publish(bank, DAY)
    assert read(current(bank), "select count(*) from marts.mart_marketing_list") == [(10,)]
    assert [row["version"] for row in ledger.rows(bank.home, ledger.publication)] == [publication.version]
    visible = sorted(path.name for path in bank.home.published.iterdir() if path.name != ".lock")
    assert visible == ["current.json", publication.file]
