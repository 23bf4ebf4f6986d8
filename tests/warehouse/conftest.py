"""A warehouse of a handful of landed rows: landing as Parquet, dbt in a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.contract import contracts
from ingestion.ledger_export import EXPORTED
from qianmo.definitions import DBT_PROJECT, DEFINITIONS, dbt_variables
from qianmo.home import PROJECT_ROOT


@dataclass(frozen=True)
class Warehouse:
    """One landing and the DuckDB file that dbt builds from it, below `root`."""

    root: Path

    @property
    def file(self) -> Path:
        return self.root / "warehouse.duckdb"

    def land(self, name: str, day: date, rows: list[dict[str, Any]]) -> None:
        """Write the Parquet file of a batch: landed columns, those not given are null."""
        contract = contracts()[name]
        folder = self.root / "landing" / contract.source / contract.table
        folder.mkdir(parents=True, exist_ok=True)
        added = {"legal_entity_code": "a", "business_date": day}
        with duckdb.connect() as connection:
            columns = contract.landed_columns()
            connection.execute(f"create table t ({', '.join(f'{c} {kind}' for c, kind in columns.items())})")
            for number, row in enumerate(rows, start=1):
                # landing's batch ids change with the content, so that re-landed batches are seen
                filled = added | {"source_row": number, "batch_id": f"{name}.{day}.{len(rows)}"} | row
                marks = ", ".join("?" for _ in filled)
                connection.execute(f"insert into t ({', '.join(filled)}) values ({marks})", list(filled.values()))
            file_name = f"{day}.parquet" if rows else "_contract.parquet"
            connection.execute(f"copy t to '{folder / file_name}' (format parquet)")

    def build(
        self, day: date, *selection: str, definitions: Path = DEFINITIONS, command: tuple[str, ...] = ("build",)
    ) -> None:
        """Run dbt as of a date on the whole project, or on a selection; the test fails with dbt's own words."""
        self._export_ledger()
        variables = self.root / "variables.json"
        values = {
            "business_date": day.isoformat(),
            "landing_root": str(self.root / "landing"),
            "legal_entity_code": "a",
            "legal_entity_name": "示范农商银行",
            "timezone": "Asia/Shanghai",
            **dbt_variables(definitions),
        }
        variables.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        arguments = [
            sys.executable, "-m", "qianmo.dbt_process", str(variables), *command,
            "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
            "--target-path", str(self.root / "target"), "--log-path", str(self.root / "logs"), *selection,
        ]  # fmt: skip
        done = subprocess.run(
            arguments,
            env=os.environ | {"QIANMO_WAREHOUSE": str(self.file), "PYTHONPATH": str(PROJECT_ROOT)},
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _export_ledger(self) -> None:
        """What the ledger would say of the batches written so far."""
        folder = self.root / "landing" / "_ledger"
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            for table in EXPORTED:
                columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
                connection.execute(f"create table {table.name} ({columns})")
            for file in sorted((self.root / "landing").glob("*/*/2*.parquet")):
                connection.execute(
                    f"""
                    insert into landing_batch (
                        source, table_name, business_date, status, batch_id, rows_in, rows_landed, rows_quarantined
                    )
                    select ?, ?, ?, 'landed', batch_id, count(*), count(*), 0 from '{file}' group by batch_id
                    """,
                    [file.parent.parent.name, file.parent.name, file.stem],
                )
            connection.execute(
                "create table landing_due (source varchar, table_name varchar, business_date varchar,"
                " deadline_hours double)"
            )
            for name in ("landing_due", *(table.name for table in EXPORTED)):
                connection.execute(f"copy {name} to '{folder / name}.parquet' (format parquet)")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def empty_warehouse(root: Path) -> Warehouse:
    """A landing that holds every contract's columns and no row."""
    warehouse = Warehouse(root)
    for name in contracts():
        warehouse.land(name, date(2026, 9, 28), [])
    return warehouse


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Empty, shared by the tests of one module."""
    return empty_warehouse(tmp_path_factory.mktemp("warehouse"))


def person(number: int, **columns: Any) -> dict[str, Any]:
    """A landed row of core.customer: an active adult of branch B1 and manager M1, but for the columns given."""
    known = {
        "customer_id": f"c{number}",
        "customer_type": "person",
        "name_key": f"name{number}",
        "name_masked": "王**",
        "id_number_key": f"{number:064x}"[::-1],
        "id_number_is_valid": True,
        "birth_date": date(1980, 5, 5),
        "branch_code": "B1",
        "manager_id": "M1",
        "is_staff": False,
        "is_deceased": False,
        "risk_list": "none",
        "status": "active",
    }
    return known | columns
