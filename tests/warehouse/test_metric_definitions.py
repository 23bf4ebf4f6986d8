"""The metrics as shipped, on rows whose answers the seeds give."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from qianmo.definitions import Metric, metrics

METRICS = {metric.code: metric for metric in metrics()}


@pytest.fixture(scope="module")
def county() -> Iterator[duckdb.DuckDBPyConnection]:
    """S2 at a thousandth: 8.4万 evaluated main entities, 2.9万 drawn, 1.37万 credited without a draw; and others."""
    with duckdb.connect() as connection:
        connection.execute("""
            create table int_metric__base as
            select
                number < 8400 as is_main_entity,
                number < 2900 + 1370 or number >= 8400 as is_credited,
                number < 2900 or number >= 8400 as is_drawn,
                number < 2000 or number >= 8400 as is_effectively_drawn,
                true as is_bank_customer,
                case when number % 2 = 0 then 'M1' end as manager_id,
                case
                    when number < 100 then 'online_credit'
                    when number < 150 then 'offline_credit'
                    else 'non_credit'
                end as portfolio_class,
                10.0 as outstanding,
                40.0 as credit_limit,
                40.0 as standing_limit,
                1.0 as deposit_balance
            from range(9000) as numbers (number)
        """)
        connection.execute("""
            create table int_metric__village (
                own_cards bigint, county_cards bigint, own_card_holders bigint, carded_population bigint,
                households bigint, filed_households bigint, evaluated_households bigint,
                credited_households bigint, customer_households bigint, filed_people bigint,
                whitelisted_households bigint, whitelist_limit decimal(18, 2)
            )
        """)
        connection.execute(
            "insert into int_metric__village values "
            "(1350600, 1432000, 1350600, 1524000, 400, 320, 300, 160, 240, 1072, 149, 16012000)"
        )
        connection.execute("create table int_metric__push as select number < 5325 as is_credited_in_window "
                           "from range(87120) as numbers (number)")  # fmt: skip
        # 26.42亿 in the pipeline, 5.61亿 landed; an application from another list is none of it.
        connection.execute("""
            create table int_metric__pipeline as
            select
                'referral_seed' as list_code, 'c' || number as customer_id, 'a' || number as application_id,
                number < 1278 as is_landed,
                case when number < 1278 then 5.61e8 / 1278 else (26.42e8 - 5.61e8) / (2467 - 1278) end
                    as application_amount
            from range(2467) as numbers (number)
            union all
            select 'acquiring_active', 'c1', 'b' || number, true, 1e9 from range(9) as numbers (number)
        """)
        # A customer with two online lines, one of them drawn, is one customer who has drawn.
        connection.execute("""
            create table int_metric__credit_line as
            select 'online' as channel, true as is_signed, number < 4012 as is_drawn, number as customer_id
            from range(30600) as numbers (number)
            union all
            select 'online', true, false, number from range(1000) as numbers (number)
            union all
            select 'online', false, false, 90000 + number from range(1000) as numbers (number)
            union all
            select 'offline', true, true, number from range(30600) as numbers (number)
        """)
        yield connection


def _value(connection: duckdb.DuckDBPyConnection, code: str, where: str = "true") -> float | None:
    metric = METRICS[code]
    numerator, denominator = metric.measures()
    row = connection.execute(
        f"select {numerator.sql}, {denominator.sql if denominator else 1} from {metric.base} where {where}"
    ).fetchone()
    assert row is not None
    return float(row[0]) / float(row[1]) if row[1] else None


@pytest.mark.parametrize(
    ("code", "truth"),
    [
        ("drawdown_rate_evaluated", 0.3452),  # S2, printed
        ("drawdown_rate_credited", 0.679),  # 2.9 ÷ (2.9 + 1.37)
        ("credited_undrawn_share", 0.1631),  # S2, printed
        ("card_market_share", 0.943),  # S2, printed
        ("card_coverage", 0.886),  # S2, printed
        ("list_credit_rate", 0.0611),  # 5,325 ÷ 87,120
        ("pipeline_conversion_count", 0.518),  # 1,278 ÷ 2,467
        ("pipeline_conversion_amount", 0.2123),  # 5.61 ÷ 26.42亿
        ("online_draw_rate", 0.131),  # 4,012 ÷ 3.06万
    ],
)
def test_the_truth_of_the_seeds(county: duckdb.DuckDBPyConnection, code: str, truth: float) -> None:
    assert _value(county, code) == pytest.approx(truth, abs=6e-4)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("drawdown_rate_amount", 0.25),
        ("drawdown_rate_effective", 2000 / 4270),
        ("drawdown_rate_credited_all", 3500 / 4870),
        ("drawdown_rate_effective_all", 2600 / 4870),
        ("filing_rate", 0.8),
        ("evaluation_coverage", 300 / 320),
        ("credit_coverage", 0.5),
        ("grid_penetration", 0.75),
        ("people_per_household", 3.35),
        ("whitelist_amount_per_household", 16012000 / 149),
        ("managed_customers_online_credit", 50),
        ("managed_customers_offline_credit", 25),
        ("managed_customers_non_credit", 4425),
    ],
)
def test_the_other_metrics(county: duckdb.DuckDBPyConnection, code: str, answer: float) -> None:
    assert _value(county, code) == pytest.approx(answer)


def test_coverage_of_places_without_card_data_is_unknown(county: duckdb.DuckDBPyConnection) -> None:
    assert _value(county, "card_coverage", "county_cards < 0") is None


@pytest.mark.parametrize(
    ("code", "answer"),
    [("new_credited_month", 2), ("new_credited_quarter", 3), ("new_credited_year", 4)],
)
def test_a_flow_counts_from_the_first_of_the_period_to_the_business_date(code: str, answer: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            create table int_metric__base as
            select date '2024-05-31' as business_date, unnest([
                date '2024-05-31', date '2024-05-01', date '2024-04-30', date '2024-03-31', date '2023-12-31',
                date '2024-06-01', null
            ]) as first_credit_date
        """)
        assert _value(connection, code) == answer


def test_variants_have_names_of_their_own() -> None:
    names = [metric.name for metric in METRICS.values()]
    assert len(set(names)) == len(names)
    texts = [metric.definition for metric in METRICS.values()]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"unit": "ratio"}, "a ratio has a denominator"),
        ({"numerator": "sum(outstanding) / sum(credit_limit)", "denominator": "count(*)"}, "write count"),
        ({"numerator": "avg(outstanding)"}, "write count"),
        ({"denominator": "count(*)", "additive": True}, "is not additive"),
        ({"numerator": "count(distinct customer_id)", "additive": True}, "is not additive"),
    ],
)
def test_a_metric_that_says_something_else_is_refused(fields: dict[str, Any], fault: str) -> None:
    known = {"code": "a", "name": "甲", "owner": "乙", "definition": "丙", "unit": "count", "grain": "客户",
             "base": "int_metric__base", "numerator": "count(*)"}  # fmt: skip
    with pytest.raises(ValidationError, match=fault):
        Metric.model_validate(known | fields)


def test_the_population_holds_for_numerator_and_denominator() -> None:
    numerator, denominator = METRICS["credited_undrawn_share"].measures()
    assert numerator.sql == "count(*) filter (where (is_main_entity) and (is_credited and not is_drawn))"
    assert denominator is not None
    assert denominator.sql == "count(*) filter (where is_main_entity)"
