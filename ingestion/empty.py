"""Zero-row Parquet files with the columns of each contract, so that every table can be read before anything landed."""

import duckdb

from ingestion.bank import Bank
from ingestion.contract import contracts
from ingestion.placing import placed


def write_empty_contracts(bank: Bank) -> None:
    """Place `landing/<source>/<table>/_contract.parquet` for every contract."""
    with duckdb.connect() as connection:
        for contract in contracts().values():
            selected = ", ".join(f'null::{kind} as "{name}"' for name, kind in contract.landed_columns().items())
            with placed(bank.home.landing / contract.source / contract.table / "_contract.parquet") as temporary:
                connection.execute(
                    f"copy (select {selected} where false) to '{temporary}' (format parquet, compression zstd)"
                )
