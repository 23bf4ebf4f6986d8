"""Where data live: every path below QIANMO_HOME, in one place."""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def home_root() -> Path:
    """QIANMO_HOME, by default `./var` below the project; always absolute."""
    return Path(os.environ.get("QIANMO_HOME", PROJECT_ROOT / "var")).expanduser().resolve()


@dataclass(frozen=True)
class BankHome:
    """The data of one bank: QIANMO_HOME/<bank name>."""

    root: Path

    @classmethod
    def of(cls, bank_name: str) -> "BankHome":
        return cls(home_root() / bank_name)

    @property
    def inbox(self) -> Path:
        """Files as the source systems deliver them."""
        return self.root / "inbox"

    @property
    def landing(self) -> Path:
        """`<source>/<table>/<business date>.parquet`, and `_contract.parquet` with the columns and no rows."""
        return self.root / "landing"

    @property
    def superseded(self) -> Path:
        """`<source>/<table>/<business date>/<batch digest>.parquet`: landed files that a later delivery replaced.

        Vault and quarantine keep theirs in the same way, below their own `<source>/<table>/<business date>/`.
        """
        return self.root / "superseded"

    @property
    def quarantine(self) -> Path:
        """`<source>/<table>/<business date>.parquet`: rejected rows, encrypted, with the reason."""
        return self.root / "quarantine"

    @property
    def vault(self) -> Path:
        """`<source>/<table>/<business date>.parquet`: surrogate and raw value, encrypted."""
        return self.root / "vault"

    @property
    def extracted(self) -> Path:
        """`<source>/<table>/<table of the database>/<business date>/`: rows as read from a database, encrypted."""
        return self.root / "extracted"

    @property
    def ledger(self) -> Path:
        """SQLite: what was landed, checked, built, published and delivered."""
        return self.root / "ledger.sqlite"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that dbt writes; nobody else reads it while it is written."""
        return self.root / "warehouse" / "warehouse.duckdb"

    @property
    def dbt(self) -> Path:
        """What dbt writes: `target/` and `logs/`; the source tree stays clean."""
        return self.root / "dbt"

    @property
    def dbt_manifest(self) -> Path:
        """The manifest of the last build, from which Superset's datasets are generated."""
        return self.dbt / "target" / "manifest.json"

    @property
    def published(self) -> Path:
        """Immutable `marts-<version>.duckdb` files and `current.json`, the pointer."""
        return self.root / "published"

    @property
    def delivery(self) -> Path:
        return self.root / "delivery"

    @property
    def list_batches(self) -> Path:
        """What was proposed and what was packed, frozen with surrogates: replay and explanations read it."""
        return self.root / "list_batches"

    @property
    def data_docs(self) -> Path:
        return self.root / "data_docs"
