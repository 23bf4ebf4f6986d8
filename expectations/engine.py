"""Great Expectations on DuckDB: an execution engine that keeps its connection, and the data source that names it."""

import builtins
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine


class KeepOpenExecutionEngine(SqlAlchemyExecutionEngine):
    """The stock engine fetches results after it has closed the connection, which DuckDB does not allow."""

    @contextmanager
    def get_connection(self) -> Generator[Any, None, None]:
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection

    def execute_query(self, query: Any) -> Any:
        try:
            return super().execute_query(query)
        except sa.exc.DBAPIError:
            # DuckDB would refuse every later query of the transaction, and every later check would seem broken.
            with self.get_connection() as connection:
                connection.rollback()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """A DuckDB database behind one connection, so that an in-memory database is the same one everywhere."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> builtins.type[SqlAlchemyExecutionEngine]:
        return KeepOpenExecutionEngine

    def get_engine(self) -> sa.Engine:
        engine: sa.Engine = self.get_execution_engine().engine
        return engine


def in_memory(name: str) -> DuckDBDatasource:
    """An empty in-memory DuckDB that views over Parquet or over an attached file are created in."""
    return DuckDBDatasource(name=name, connection_string="duckdb:///:memory:", kwargs={"poolclass": sa.pool.StaticPool})
