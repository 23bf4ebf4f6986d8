"""Landing: every delivery of a business date becomes typed Parquet, once."""

from ingestion.empty import write_empty_contracts

__all__ = ["write_empty_contracts"]
