"""MetricFlow, asked of the semantic models, says what `mart_metric` says; both draw rates come from the same rows."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb

from qianmo.definitions import Metric, metrics
from qianmo.home import BankHome
from tests.evidence import fail

GROUPED_BY = ("bank", "branch", "manager", "town", "segment")
"""Dimensions of mart_metric that are entities of the semantic models; the bank is no grouping."""
APART = 1e-9
"""Relative: the two divide and add in another order."""


def queries(semantic_manifest: Path, codes: list[str]) -> dict[str, str]:
    """SQL that MetricFlow writes for all metrics at once, by dimension."""
    from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
    from metricflow.protocols.sql_client import SqlClient, SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
    from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    logging.getLogger("metricflow_semantic_interfaces").setLevel(logging.ERROR)
    manifest = parse_manifest_from_dbt_generated_manifest(semantic_manifest.read_text(encoding="utf-8"))
    # It only has to write SQL; the warehouse is read by the caller.
    writer = SimpleNamespace(sql_engine_type=SqlEngine.DUCKDB, sql_plan_renderer=DuckDbSqlPlanRenderer())
    engine = MetricFlowEngine(SemanticManifestLookup(manifest), cast("SqlClient", writer))
    found = {}
    for dimension in GROUPED_BY:
        request = MetricFlowQueryRequest.create(
            metric_names=codes, group_by_names=[] if dimension == "bank" else [dimension]
        )
        found[dimension] = engine.explain(request).sql_statement.sql
    return found


def answers(
    connection: duckdb.DuckDBPyConnection, semantic_manifest: Path, known: list[Metric]
) -> Iterator[tuple[str, str | None, str, float | None]]:
    """Dimension, member (None for the bank), metric code and value, of every metric."""
    codes = [metric.code for metric in known]
    for dimension, sql in queries(semantic_manifest, codes).items():
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description or []]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            member = None if dimension == "bank" else row[dimension]
            if dimension != "bank" and member is None:
                continue
            for code in codes:
                yield dimension, member, code, None if row[code] is None else float(row[code])


def compared(warehouse: Path, semantic_manifest: Path) -> tuple[int, list[str]]:
    """Figures of the latest business date compared, and where MetricFlow and mart_metric differ."""
    known = metrics()
    quotients = {metric.code for metric in known if metric.denominator}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        shown: dict[tuple[str, str | None, str], float | None] = {
            (dimension, None if dimension == "bank" else member, code): value
            for dimension, member, code, value in connection.execute(
                "select dimension, dimension_value, metric_code, value from marts.mart_metric"
                " where business_date = (select max(business_date) from marts.mart_metric) and dimension in ?",
                [list(GROUPED_BY)],
            ).fetchall()
        }
        asked = {
            (dimension, member, code): value
            for dimension, member, code, value in answers(connection, semantic_manifest, known)
        }
    differences = []
    for key in sorted({*shown, *(key for key, value in asked.items() if value is not None)}, key=str):
        nothing = None if key[2] in quotients else 0.0
        one, other = shown.get(key, nothing), asked.get(key)
        other = nothing if other is None else other
        if one is None or other is None:
            same = one is other
        else:
            same = abs(one - other) <= APART * max(abs(one), abs(other), 1)
        if not same:
            differences.append(f"{key}: mart_metric {one}, MetricFlow {other}")
    return len(shown), differences


def draw_rates(warehouse: Path) -> dict[str, tuple[float, float, float]]:
    """Numerator, denominator and value of the bank's two draw rates on the latest date."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows: list[Any] = connection.execute(
            "select metric_code, numerator, denominator, value from marts.mart_metric where dimension = 'bank'"
            " and metric_code in ('drawdown_rate_evaluated', 'drawdown_rate_credited')"
            " and business_date = (select max(business_date) from marts.mart_metric)"
        ).fetchall()
    return {code: (numerator, denominator, value) for code, numerator, denominator, value in rows}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, default=Path("var"), help="QIANMO_HOME of a demo (default: ./var)")
    home = BankHome(options.parse_args().home.resolve() / "sample")
    rates = draw_rates(home.warehouse)
    for code, (numerator, denominator, value) in sorted(rates.items()):
        print(f"{code}: {numerator:,.0f} / {denominator:,.0f} = {value:.2%}")
    if len(rates) != 2 or len({numerator for numerator, _, _ in rates.values()}) != 1:
        fail("the two draw rates do not stand side by side with the same draws")
    count, differences = compared(home.warehouse, home.dbt / "target" / "semantic_manifest.json")
    for line in differences[:20]:
        print(line)
    if differences or not count:
        fail(f"{len(differences)} of {count:,} figures differ")
    print(f"{len(metrics())} metrics, {count:,} figures of {', '.join(GROUPED_BY)}: MetricFlow = mart_metric, 0 differ")


if __name__ == "__main__":
    main()
