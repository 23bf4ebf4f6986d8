"""What dbt is told of the deliveries that were due: from a table's first night to the bank's last."""

from datetime import date

import duckdb

from ingestion.ledger_export import export_ledger
from qianmo import ledger
from tests.ingestion.conftest import ACCOUNT, BALANCE, MakeBank

MONTHLY = BALANCE | {"due": {"monthly": 28}}
ARRIVING = BALANCE | {"due": "on_arrival"}


def test_deliveries_are_due_from_the_first_night_of_their_table(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account": ACCOUNT | {"deadline_hours": 6}, "account_balance": [MONTHLY, ARRIVING]})
    nights = [("account", 29), ("account_balance", 27), ("account_balance", 30)]
    with ledger.transaction(bank.home) as connection:
        for table, day in nights:
            batch = {"source": "core", "table_name": table, "business_date": f"2026-09-{day}", "status": "landed"}
            ledger.put(connection, ledger.landing_batch, batch)
    export_ledger(bank)
    due = duckdb.sql(f"from '{bank.home.landing}/_ledger/landing_due.parquet'").fetchall()
    assert [(table, date.fromisoformat(day).day, hours) for _, table, day, hours in due] == [
        ("account", 29, 6), ("account", 30, 6), ("account_balance", 28, 8)
    ]  # fmt: skip


def test_measures_reach_dbt_as_numbers(make_bank: MakeBank) -> None:
    bank = make_bank(core={"account_balance": BALANCE})
    measure = {"gate": "landing", "subject": "core.account_balance", "business_date": "2026-09-28", "measure": "volume"}
    with ledger.transaction(bank.home) as connection:
        ledger.put(connection, ledger.gate_measure, measure | {"column_name": "", "code": "", "value": 3, "upper": 4.5})
    export_ledger(bank)
    stored = duckdb.sql(f"from '{bank.home.landing}/_ledger/gate_measure.parquet' select value, lower, upper")
    assert stored.types == ["DOUBLE"] * 3
    assert stored.fetchall() == [(3.0, None, 4.5)]
