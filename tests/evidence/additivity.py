"""Bank = branches = managers = rows, and yesterday + contributions = today: every additive KPI, every published day."""

import argparse
from pathlib import Path

import duckdb

from qianmo.definitions import Metric, metrics
from qianmo.home import BankHome
from tests.evidence import fail

ROWS = {
    "int_metric__base": "select * from marts.mart_customer_kpi",
    "int_metric__merchant": (
        "select *, event_date as signed_date, amount as amount_30d from marts.mart_kpi_event"
        " where event_kind = 'merchant'"
    ),
    "int_metric__loan": (
        "select *, event_date as disbursed_date, amount as loan_amount from marts.mart_kpi_event"
        " where event_kind = 'loan'"
    ),
    "int_metric__contact": (
        "select *, event_date as contact_date from marts.mart_kpi_event where event_kind = 'contact'"
    ),
    "int_metric__pipeline": (
        "select *, event_date as entered_date from marts.mart_kpi_event where event_kind = 'application'"
    ),
    "int_metric__visit": "select *, event_date as visit_date from marts.mart_kpi_event where event_kind = 'visit'",
    "int_metric__settlement": (
        "select *,"
        " coalesce(manager_id, concat_ws('_', 'unassigned', nullif(branch_code, 'unassigned'))) as manager_code"
        " from marts.mart_settlement_compliance"
        " where business_date = (select max(business_date) from marts.mart_settlement_compliance)"
    ),
}
"""Base to the published rows behind it, under the names that the contract's SQL uses."""
LEVELS = {"bank": "legal_entity_code", "branch": "branch_code", "manager": "manager_code"}


def versions(published: Path) -> dict[str, Path]:
    """Business date to its last published file."""
    files = sorted(published.glob("marts-*.duckdb"), key=lambda file: file.stat().st_mtime)
    return {file.stem.removeprefix("marts-")[:10]: file for file in files}


def differences_of(file: Path, day: str) -> tuple[int, int, list[str]]:
    """Sums and contributions compared in a published file of a date, and where they differ."""
    additive = [metric for metric in metrics() if metric.is_additive]
    found = [
        f"{metric.code}: the rows of {metric.base} are not compared: add them to ROWS"
        for metric in additive
        if metric.base not in ROWS
    ]
    with duckdb.connect(str(file), read_only=True) as connection:
        figures = _figures(connection, day)
        sums = sum(_compare(found, figures, _of_rows(connection, additive, level), level) for level in LEVELS)
        for below, over in (("manager", "branch"), ("branch", "bank")):
            rolled = connection.execute(
                "select case when ? = 'bank' then legal_entity_code else branch_code end, metric_code, sum(value)"
                " from marts.mart_metric where business_date = ? and dimension = ? group by all",
                [over, day, below],
            ).fetchall()
            codes = {metric.code for metric in additive}
            sums += _compare(found, figures, {(one, code): v for one, code, v in rolled if code in codes}, over)
        changes = 0
        explained = connection.execute(
            "select dimension, dimension_value, metric_code, sum(amount), max(previous_date),"
            " coalesce(sum(amount) filter (where contribution = 'yesterday'), 0)"
            " from marts.mart_kpi_change where business_date = ? and dimension <> 'grid' group by all",
            [day],
        ).fetchall()
        before = _figures(connection, str(explained[0][4])) if explained else {}
        for dimension, member, code, amount, _, opening in explained:
            changes += 1
            key = (dimension, member, code)
            if abs(float(amount) - figures.get(key, 0)) > 0.005:
                found.append(f"{day} {key}: yesterday and contributions {amount}, today {figures.get(key, 0)}")
            if abs(float(opening) - before.get(key, 0)) > 0.005:
                found.append(f"{day} {key}: said to have been {opening}, was {before.get(key, 0)}")
    return sums, changes, found


def _figures(connection: duckdb.DuckDBPyConnection, day: str) -> dict[tuple[str, str, str], float]:
    rows = connection.execute(
        "select dimension, dimension_value, metric_code, value from marts.mart_metric"
        " where business_date = ? and value is not null",
        [day],
    ).fetchall()
    return {(dimension, member, code): value for dimension, member, code, value in rows}


def _of_rows(connection: duckdb.DuckDBPyConnection, additive: list[Metric], level: str) -> dict[tuple[str, str], float]:
    """Member and metric to the contract's SQL over the published rows."""
    summed: dict[tuple[str, str], float] = {}
    for base, sql in ROWS.items():
        own = [metric for metric in additive if metric.base == base]
        values = ", ".join(f"coalesce({metric.measures()[0].sql}, 0)" for metric in own)
        for member, *row in connection.execute(f"select {LEVELS[level]}, {values} from ({sql}) group by 1").fetchall():
            summed |= {(member, metric.code): float(value) for metric, value in zip(own, row, strict=True)}
    return summed


def _compare(
    found: list[str], figures: dict[tuple[str, str, str], float], summed: dict[tuple[str, str], float], level: str
) -> int:
    for (member, code), value in summed.items():
        shown = figures.get((level, member, code), 0)
        if abs(value - shown) > 0.005:
            found.append(f"{level} {member} {code}: shown {shown}, summed {value}")
    return len(summed)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, default=Path("var"), help="QIANMO_HOME of a demo (default: ./var)")
    home = BankHome(options.parse_args().home.resolve() / "sample")
    days = versions(home.published)
    if not days:
        fail(f"nothing is published below {home.published}: run `make demo`")
    wrong = 0
    for day, file in sorted(days.items()):
        sums, changes, found = differences_of(file, day)
        for line in found[:20]:
            print(line)
        wrong += len(found)
        print(f"{day}: {sums:,} sums and {changes:,} explained figures compared, {len(found)} differ")
    if wrong:
        fail(f"{wrong} figures do not add up")
    additive = sum(metric.is_additive for metric in metrics())
    print(f"{additive} additive metrics on {len(days)} days: bank = branches = managers = rows; every change explained")


if __name__ == "__main__":
    main()
